import { accessSync, chmodSync, chownSync, constants, mkdirSync, readFileSync, statSync } from 'node:fs';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { bridgeError, describeError } from '../domain/errors.ts';
import { identifyProcess, isAlive, parseIdentity } from '../lib/process-identity.ts';
import type { RunAs } from './run-as.ts';

/** Where the quick start keeps everything, unless `--data` says otherwise. */
export function defaultDataFolder(): string {
  if (process.getuid?.() === 0) return '/var/lib/biomero-bridge';
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'biomero-bridge');
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'biomero-bridge');
}

/**
 * Makes the data folder and gives it to the user that will work in it.
 *
 * @throws DATA_FOLDER_NOT_WRITABLE, DATA_FOLDER_UNREACHABLE
 */
export function prepareDataFolder(folder: string, runAs: RunAs | null): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (runAs) {
      chownSync(folder, runAs.uid, runAs.gid);
      chmodSync(folder, 0o755);
    } else accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw bridgeError(
      'DATA_FOLDER_NOT_WRITABLE',
      { folder, uid: runAs?.uid ?? process.getuid?.() ?? 0, reason: describeError(error) },
      { cause: error },
    );
  }
  if (!runAs) return;
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    if (!mayPass(parent, runAs))
      throw bridgeError('DATA_FOLDER_UNREACHABLE', { user: runAs.name, uid: runAs.uid, folder, parent });
    if (parent === dirname(parent)) return;
  }
}

/** Whether a user may pass through a folder, by its plain mode bits. */
export function mayPass(folder: string, user: { uid: number; gid: number }): boolean {
  const found = statSync(folder);
  const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001;
  return (found.mode & bit) !== 0;
}

/**
 * Takes the data folder for this process; the returned function gives it back. A folder whose holder has died, however
 * it died, is free.
 *
 * @throws ALREADY_STARTED
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'start.lock');
  const own = JSON.stringify(identifyProcess(process.pid));
  for (;;) {
    const file = await open(path, 'wx', 0o644).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return null;
      throw error;
    });
    if (file) {
      await file.writeFile(own);
      await file.sync();
      await file.close();
      return () => rm(path, { force: true });
    }
    const holder = readHolder(path);
    if (holder && isAlive(holder)) throw bridgeError('ALREADY_STARTED', { pid: holder.pid, folder });
    // Renamed first: of two that find a dead holder, only one moves this very file away.
    await rename(path, `${path}.${process.pid}`).catch(() => undefined);
    await rm(`${path}.${process.pid}`, { force: true });
  }
}

function readHolder(path: string): ReturnType<typeof parseIdentity> {
  try {
    return parseIdentity(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** What the quick start remembers between starts, in `start.json`. */
export interface Remembered {
  ports: Record<string, number>;
  /** Sign-in token of the web pages and passwords of the embedded OMERO. */
  secrets: Record<string, string>;
}

export async function readRemembered(folder: string): Promise<Remembered> {
  const text = await readFile(join(folder, 'start.json'), 'utf8').catch(() => null);
  const found = (text === null ? {} : JSON.parse(text)) as Partial<Remembered>;
  return { ports: found.ports ?? {}, secrets: found.secrets ?? {} };
}

export async function writeRemembered(folder: string, remembered: Remembered): Promise<void> {
  const path = join(folder, 'start.json');
  await writeFile(`${path}.new`, JSON.stringify(remembered, null, 2), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The remembered port of this name when it is free, else a free one; the choice is entered. */
export async function choosePort(remembered: Remembered, name: string, first: number): Promise<number> {
  for (const wish of [remembered.ports[name], first, 0]) {
    if (wish === undefined) continue;
    const port = await tryPort(wish);
    if (port === null) continue;
    remembered.ports[name] = port;
    return port;
  }
  throw new Error('no port of 127.0.0.1 is free');
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
