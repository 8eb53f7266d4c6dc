import { bridgeError } from '../domain/errors.ts';
import { launchRun } from '../runs/launch.ts';
import { openSite } from './site.ts';

export interface RunOptions {
  dataset: number;
  user: string;
  group: string;
  parameter: string[];
  data: string;
}

/** `run WORKFLOW`: stores the run and prints its id. */
export async function run(workflow: string, options: RunOptions): Promise<void> {
  const site = await openSite(options.data);
  try {
    const id = await launchRun(site.config, site.runs, site.omero, {
      workflow,
      datasetId: options.dataset,
      userName: options.user,
      groupName: options.group,
      parameters: parseParameters(options.parameter),
    });
    process.stdout.write(`${id}\n`);
    if (process.stdout.isTTY) process.stdout.write(`Follow it with: biomero-bridge status ${id.slice(0, 8)}\n`);
  } finally {
    await site.close();
  }
}

/** `name=value` pairs; a value that is a JSON number, true, false or null is taken as such, any other as text. */
export function parseParameters(pairs: readonly string[]): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    if (at < 0) throw bridgeError('PARAMETER_INVALID', { name, reason: 'give it as name=value' });
    if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name) || reserved.has(name.toUpperCase()))
      throw bridgeError('PARAMETER_INVALID', { name, reason: 'this is no name of a parameter' });
    const text = pair.slice(at + 1);
    parameters[name] = /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(text) ? JSON.parse(text) : text;
  }
  return parameters;
}

/** Parameters become environment variables of the job; these would change what runs instead of how. */
const reserved = new Set([
  'PATH',
  'HOME',
  'SHELL',
  'IFS',
  'ENV',
  'BASH_ENV',
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'NODE_OPTIONS',
  'PYTHONPATH',
  'DATA_PATH',
  'IMAGE_PATH',
  'IMAGE_VERSION',
  'SINGULARITY_IMAGE',
  'SCRIPT_PATH',
]);
