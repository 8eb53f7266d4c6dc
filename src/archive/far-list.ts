/** What lies in a job's `data/out` on the cluster, asked with GNU's `find` or what POSIX has. Reads only. */
import type { Readable } from 'node:stream';
import { bridgeError, isBridgeError } from '../domain/errors.ts';
import { incomplete, refused, type FarFolder, type FarList } from './far-folder.ts';
import { parsePosixList, posixListCommand } from './far-list-posix.ts';
import { differenceOf, ListBuilder, ListComparer, type ListTaker } from './far-list-takers.ts';
import { parseTools, toolsScript, type FarTools } from './far-tools.ts';

/**
 * Lists the results; null when the folder is not there. Links and everything else that is no file or folder are
 * refused by name: a link could make us read whatever the cluster account can read.
 */
export async function listResults(folder: FarFolder, look: FarLook, signal: AbortSignal): Promise<FarList | null> {
  const list = new ListBuilder(folder);
  return (await readListed(folder, look, list, signal)) ? list.list : null;
}

/** How the results differ from what was listed before, for people; null when they do not. */
export async function differenceFrom(
  before: FarList,
  folder: FarFolder,
  look: FarLook,
  signal: AbortSignal,
): Promise<string | null> {
  const same = new ListComparer(before);
  if (!(await readListed(folder, look, same, signal))) return 'their folder went away';
  if (same.isSame()) return null;
  // Names are wanted now, for which a whole second list is needed.
  const after = await listResults(folder, look, signal);
  if (!after) return 'their folder went away';
  return differenceOf(before, after) ?? 'for a moment they were not as listed';
}

/** More than any path, size and time can take. */
const longestRecord = 64 * 1024;

/** Reads the list of the results; false when their folder is not there. */
async function readListed(
  folder: FarFolder,
  { out, tools }: FarLook,
  taker: ListTaker,
  signal: AbortSignal,
): Promise<boolean> {
  if (out === '-') return false;
  if (out === 'l') throw refused(folder, 'data/out', 'it is a symbolic link');
  if (out !== 'd') throw refused(folder, 'data/out', 'it is not a folder');
  if (tools.gnuFind) {
    const argv = ['find', folder.path, '-mindepth', '1', '-printf', '%y\\t%s\\t%T@\\t%P\\0'];
    let rest: Buffer = Buffer.alloc(0);
    await readOutput(folder, argv, signal, (part) => {
      rest = takeRecords(folder, rest.length > 0 ? Buffer.concat([rest, part]) : part, taker);
      if (rest.length > longestRecord) throw incomplete(folder, 'their list cannot be read');
    });
    if (rest.length > 0) throw incomplete(folder, 'their list is cut off');
    return true;
  }
  const answer = await collectOutput(folder, posixListCommand(folder.path), signal);
  const records = await parsePosixList(folder, answer, signal);
  if (!records) throw incomplete(folder, 'their list cannot be read');
  for (const { kind, name, bytes, changed } of records) taker.add(kind === '-' ? 'f' : kind, name, bytes, changed);
  return true;
}

/**
 * Sizes by name that the job itself wrote as its last act to `data/out.manifest`: records `<bytes> <path>`, each ended
 * by a NUL. Null when there is none, or one in another form, which is then nothing to us.
 */
export async function readJobManifest(
  folder: FarFolder,
  { manifest }: FarLook,
  signal: AbortSignal,
): Promise<Map<string, number> | null> {
  // Not through a link: what it holds is shown in messages.
  if (manifest !== 'f') return null;
  const bytes = await collectOutput(folder, ['cat', `${folder.path}.manifest`], signal);
  if (bytes.length > 0 && bytes.at(-1) !== 0) return null;
  const sizes = new Map<string, number>();
  for (const record of bytes.toString('utf8').split('\0').slice(0, -1)) {
    const [, size, path] = /^(\d{1,15}) (.+)$/s.exec(record) ?? [];
    if (size === undefined || path === undefined) return null;
    sizes.set(path, Number(size));
  }
  return sizes;
}

/** Files of the job's manifest that the list lacks or has in another size. */
export function missingFrom(list: FarList, manifest: Map<string, number>): string[] {
  return [...manifest].filter(([path, bytes]) => list.files.get(path)?.bytes !== bytes).map(([path]) => path);
}

const kindsScript = `for name in "$1" "$1/out" "$1/out.manifest"; do
if [ -h "$name" ]; then echo l; elif [ -d "$name" ]; then echo d; elif [ -f "$name" ]; then echo f
elif [ -e "$name" ]; then echo o; else echo -; fi; done`;

/** What is there, and by which programs it can be had. */
export interface FarLook {
  /** What `data/out` is: d(irectory), f(ile), l(ink), o(ther), or `-` when not there. */
  out: string;
  /** The same of the job's manifest. */
  manifest: string;
  tools: FarTools;
}

/** Looks at the results' folder and asks for the programs there, in one call. */
export async function lookAtResults(folder: FarFolder, signal: AbortSignal): Promise<FarLook> {
  const data = folder.path.slice(0, -'/out'.length);
  const argv = ['sh', '-c', `${kindsScript}\n${toolsScript}`, 'sh', data];
  const { stdout, stderr, code } = await folder.transport.exec(argv, { signal });
  const [kind, out = '', manifest = '', ...tools] = stdout.split('\n');
  if (code !== 0 || manifest === '')
    throw incomplete(folder, `looking at them failed (exit ${code}): ${stderr.trim().slice(-500)}`);
  if (kind === 'l') throw refused(folder, 'data', 'it is a symbolic link');
  return { out, manifest, tools: parseTools(tools) };
}

/** What a command there writes; an exit code other than 0 is TRANSFER_INCOMPLETE, too much of it ARCHIVE_LIMIT. */
export async function collectOutput(folder: FarFolder, argv: string[], signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  await readOutput(folder, argv, signal, (part) => parts.push(part));
  return Buffer.concat(parts);
}

/** The same in parts, as they come. */
async function readOutput(
  folder: FarFolder,
  argv: string[],
  signal: AbortSignal,
  take: (part: Buffer) => void,
): Promise<void> {
  const far = folder.transport.stream(argv, { signal });
  const failed = await takeAll(folder, far.stdout, take).then(
    () => null,
    (error: unknown) => {
      far.kill();
      far.stdout.destroy();
      return { error };
    },
  );
  const { code, stderr } = await far.finished;
  signal.throwIfAborted();
  if (isBridgeError(failed?.error)) throw failed.error;
  if (failed || code !== 0)
    throw incomplete(folder, `${argv[0]} ended early (exit ${code ?? 'by a signal'}): ${stderr.trim().slice(-500)}`);
}

/** Takes the records that are complete, and gives back the rest. */
function takeRecords(folder: FarFolder, found: Buffer, taker: ListTaker): Buffer {
  let at = 0;
  for (let end = found.indexOf(0); end >= 0; end = found.indexOf(0, at)) {
    const tabs = [0, 0, 0];
    for (let i = 0, from = at; i < 3; i++) {
      const tab = found.indexOf(9, from);
      if (tab < 0 || tab > end) throw incomplete(folder, 'their list cannot be read');
      tabs[i] = tab;
      from = tab + 1;
    }
    const [first = 0, second = 0, third = 0] = tabs;
    const kind = found.toString('latin1', at, first);
    const bytes = Number(found.toString('latin1', first + 1, second));
    taker.add(kind, found.subarray(third + 1, end), bytes, found.toString('latin1', second + 1, third));
    at = end + 1;
  }
  return found.subarray(at);
}

async function takeAll(folder: FarFolder, stream: Readable, take: (part: Buffer) => void): Promise<void> {
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > folder.mostListBytes)
      throw bridgeError('ARCHIVE_LIMIT', {
        file: `${folder.path} on the cluster`,
        entry: 'data/out',
        reason: `the list of its entries is longer than ${folder.mostListBytes} bytes`,
      });
    take(part);
  }
}
