import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { bridgeError, describeError } from '../domain/errors.ts';
import { takeFileLock } from '../lib/file-lock.ts';
import { syncFolder } from '../lib/sync-folder.ts';

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
