import { bridgeError } from '../domain/errors.ts';
import type { Transport } from './transport.ts';

/** Where BIOMERO's job scripts say where a job's data are: the third field of this line. */
const announced = /Running [\w-]+? Job w\/ .+? \| .+? \| (.+?) \|.*/gi;

/**
 * The data path that a job's log announces. A workflow can print anything, and a job that ran twice says it twice: only
 * one path, said any number of times, is taken.
 *
 * @throws JOB_DATA_PATH_UNCLEAR
 */
export function announcedDataPath(jobId: number, log: string): string {
  const paths = [...new Set([...log.matchAll(announced)].map((match) => match[1] ?? ''))];
  const [path] = paths;
  const refuse = (reason: string): Error => bridgeError('JOB_DATA_PATH_UNCLEAR', { job: jobId, reason });
  if (path === undefined) throw refuse('the log holds no line of the form "Running … Job w/ … | … | <data path> | …"');
  if (paths.length > 1) throw refuse(`the log names several: ${paths.slice(0, 3).join(', ')}`);
  return path;
}

/** Prints where root and path really are; links are followed, so that neither can lead elsewhere afterwards. */
const resolveScript = `
root=$(cd -P -- "$1" && pwd -P) || exit 41
path=$(cd -P -- "$2" && pwd -P) || exit 42
printf '%s\\0%s\\0' "$root" "$path"
`;

/**
 * A data path where it really is, once it is sure to lie below the configured data root. Nothing is done with a path
 * from a log before this.
 *
 * @throws DATA_PATH_REFUSED, CLUSTER_…
 */
export async function verifiedDataPath(transport: Transport, root: string, path: string): Promise<string> {
  const refuse = (reason: string): Error => bridgeError('DATA_PATH_REFUSED', { path, root, reason });
  // oxlint-disable-next-line no-control-regex
  if (path === '' || path.startsWith('-') || /[\u0000-\u001f\u007f]/.test(path))
    throw refuse('it is no path of a folder');
  const { code, stdout, stderr } = await transport.exec(['sh', '-c', resolveScript, 'sh', root, path]);
  if (code === 41) throw refuse(`the data root itself cannot be entered: ${stderr.trim()}`);
  if (code !== 0) throw refuse(stderr.trim() || 'it cannot be entered');
  const [realRoot = '', real = ''] = stdout.split('\0');
  if (realRoot === '' || realRoot === '/' || !real.startsWith(`${realRoot}/`))
    throw refuse(`it really is ${real || 'nowhere'}, outside of ${realRoot || root}`);
  return real;
}
