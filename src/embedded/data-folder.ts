import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import type { RunAs } from './run-as.ts';

/** Where the quick start keeps everything, unless `--data` says otherwise. */
export function defaultDataFolder(): string {
  if (process.getuid?.() === 0) return '/var/lib/biomero-bridge';
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'biomero-bridge');
  // A relative XDG_DATA_HOME is invalid and to be ignored, as its specification says.
  const dataHome = process.env['XDG_DATA_HOME'] ?? '';
  return join(isAbsolute(dataHome) ? dataHome : join(homedir(), '.local', 'share'), 'biomero-bridge');
}

/**
 * Makes the data folder and gives it to the user that will work in it. As root, a folder that already holds something
 * is taken only from its owner: `--data /srv` must not give away what others keep there.
 *
 * @throws DATA_FOLDER_NOT_WRITABLE, DATA_FOLDER_NOT_OURS, DATA_FOLDER_UNREACHABLE
 */
export function prepareDataFolder(folder: string, runAs: RunAs | null): void {
  try {
    makeFolder(resolve(folder));
    if (!runAs) return accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const { uid } = statSync(folder);
    if (uid !== runAs.uid && readdirSync(folder).length > 0)
      throw bridgeError('DATA_FOLDER_NOT_OURS', { folder, owner: uid, user: runAs.name });
    chownSync(folder, runAs.uid, runAs.gid);
    chmodSync(folder, 0o755);
  } catch (error) {
    if (isBridgeError(error)) throw error;
    throw bridgeError(
      'DATA_FOLDER_NOT_WRITABLE',
      { folder, uid: runAs?.uid ?? process.getuid?.() ?? 0, reason: describeError(error) },
      { cause: error },
    );
  }
  requireReachable(folder, runAs);
}

/** Makes a folder and its missing parents passable for everybody, whatever the umask. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) chmodSync(made, 0o755);
}

/**
 * Checks that a user may pass through every parent of a folder.
 *
 * @throws DATA_FOLDER_UNREACHABLE
 */
export function requireReachable(folder: string, user: { uid: number; gid: number; name?: string }): void {
  for (let parent = dirname(realpathSync(folder)); ; parent = dirname(parent)) {
    if (!mayPass(parent, user))
      throw bridgeError('DATA_FOLDER_UNREACHABLE', { user: user.name ?? user.uid, uid: user.uid, folder, parent });
    if (parent === dirname(parent)) return;
  }
}

/** Whether a user may pass through a folder, by its mode bits, or else (an ACL, another of its groups) by trying it. */
export function mayPass(folder: string, user: { uid: number; gid: number }): boolean {
  const found = statSync(folder);
  const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001;
  if ((found.mode & bit) !== 0) return true;
  if (process.getuid?.() !== 0) return false;
  return spawnSync('test', ['-x', folder], { uid: user.uid, gid: user.gid, cwd: '/' }).status === 0;
}
