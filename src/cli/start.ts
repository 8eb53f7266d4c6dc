import { resolve } from 'node:path';
import { startAsUser } from '../embedded/as-user.ts';
import { chooseRunAs } from '../embedded/run-as.ts';
import { tiffNames } from '../embedded/sample/tiff-names.ts';
import { requireStartable } from '../embedded/startable.ts';

export interface StartOptions {
  data: string;
  seed: number;
  input?: string;
  once?: boolean;
  timeLimit: number;
  runAs?: string;
}

/** `start`: the whole product on this machine's embedded servers. */
export async function start(options: StartOptions): Promise<void> {
  requireStartable(process.env);
  const dataFolder = resolve(options.data);
  if (options.input !== undefined) await tiffNames(resolve(options.input));
  const user = chooseRunAs(options.runAs, dataFolder);
  if (user) {
    const rest = ['--seed', String(options.seed), '--time-limit', String(options.timeLimit)];
    if (options.once) rest.push('--once');
    process.exitCode = await startAsUser(user, dataFolder, rest, options.input && resolve(options.input));
    return;
  }
  // Root, who hands everything on to another process, does not wait for what that one loads.
  const { startHere } = await import('./start-here.ts');
  await startHere(dataFolder, options);
}
