import { homedir } from 'node:os';
import { join } from 'node:path';
import { path, type Take } from './values.ts';

/** As other programs: below XDG_CACHE_HOME, else `~/.cache`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'biomero-bridge');
}

export function workDirIn(take: Take, env: NodeJS.ProcessEnv): string {
  return join(take('descriptors.cacheDir', 'BIOMERO_BRIDGE_CACHE_DIR', path, defaultCacheDir(env)), 'work');
}
