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
      typed: true,
    });
    process.stdout.write(`${id}\n`);
    if (process.stdout.isTTY) process.stdout.write(`Follow it with: biomero-bridge status ${id.slice(0, 8)}\n`);
  } finally {
    await site.close();
  }
}

/** `name=value` pairs, values as text. @throws PARAMETER_INVALID */
export function parseParameters(pairs: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 0) throw bridgeError('PARAMETER_INVALID', { name: pair, reason: 'give it as name=value' });
    parameters[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return parameters;
}
