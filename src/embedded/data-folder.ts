import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { takeFileLock } from '../lib/file-lock.ts';
import { syncFolder } from '../lib/sync-folder.ts';
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
function makeFolder(folder: string): void {
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

/**
 * Takes the data folder for this process; the returned function gives it back. A folder whose holder has died, however
 * it died, is free.
 *
 * @throws ALREADY_STARTED
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  const lock = await takeFileLock(join(folder, 'start.lock'));
  if (!('heldBy' in lock)) return () => lock.release();
  const port = (await readRemembered(folder).catch(() => null))?.ports['web'];
  const address = port === undefined ? 'the address that it printed' : `http://127.0.0.1:${port}`;
  throw bridgeError('ALREADY_STARTED', { pid: lock.heldBy.pid, folder, address });
}

/** What the quick start remembers between starts, in `start.json`. */
export interface Remembered {
  ports: Record<string, number>;
  /** Sign-in token of the web pages and passwords of the embedded OMERO. */
  secrets: Record<string, string>;
  /** Name of the database of upload orders, where it is another one than the runs'. */
  ordersDatabase?: string | undefined;
}

/** @throws START_FILE_UNREADABLE: it holds the passwords of the embedded OMERO, so it is not begun anew silently */
export async function readRemembered(folder: string): Promise<Remembered> {
  const path = join(folder, 'start.json');
  try {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}';
      throw error;
    });
    return rememberedSchema.parse(JSON.parse(text));
  } catch (error) {
    throw bridgeError('START_FILE_UNREADABLE', { path, reason: describeError(error) }, { cause: error });
  }
}

const rememberedSchema = z.object({
  ports: z.record(z.string(), z.int().min(1).max(65_535)).default({}),
  secrets: z.record(z.string(), z.string().min(1)).default({}),
  ordersDatabase: z
    .string()
    .regex(/^[a-z]+$/)
    .optional(),
});

export async function writeRemembered(folder: string, remembered: Remembered): Promise<void> {
  const path = join(folder, 'start.json');
  const next = `${path}.new`;
  await rm(next, { force: true });
  await writeFile(next, JSON.stringify(remembered, null, 2), { mode: 0o600, flush: true });
  await rename(next, path);
  await syncFolder(folder);
}

/** The remembered port of this name when it is free, else a free one; the choice is entered. */
export async function choosePort(remembered: Remembered, name: string, first: number): Promise<number> {
  const others = new Set(Object.entries(remembered.ports).flatMap(([other, port]) => (other === name ? [] : port)));
  for (const wish of [remembered.ports[name], first, 0, 0]) {
    if (wish === undefined) continue;
    const port = await tryPort(wish);
    if (port === null || others.has(port)) continue;
    remembered.ports[name] = port;
    return port;
  }
  throw bridgeError('NO_FREE_PORT', { name });
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const bound = server.address();
      server.close(() => resolve(bound && typeof bound === 'object' ? bound.port : null));
    });
  });
}
