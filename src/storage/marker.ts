/**
 * The marker by which a mount of the storage is known: a small file at its root with an id. Where the mount is gone, the
 * file is gone with it, however much the empty folder looks the same.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError } from '../domain/errors.ts';
import { syncFolder } from '../lib/sync-folder.ts';

export const markerName = '.biomero-bridge-storage.json';

const markerSchema = z.object({ id: z.uuid(), adoptedAt: z.string() });

/** The id of the mount at a folder; null when it bears no marker. Throws an Error for one that cannot be understood. */
export async function readMarker(folder: string): Promise<string | null> {
  let text: string;
  try {
    text = await readFile(join(folder, markerName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return markerSchema.parse(JSON.parse(text)).id;
  } catch (error) {
    throw new Error(`${join(folder, markerName)} is not a marker: ${describeError(error)}`, { cause: error });
  }
}

/** Writes a marker, readable for everybody, unless there is one; returns the id that stands there. */
export async function ensureMarker(folder: string): Promise<{ id: string; fresh: boolean }> {
  const known = await readMarker(folder);
  if (known !== null) return { id: known, fresh: false };
  const id = randomUUID();
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(join(folder, markerName), flags, 0o644);
  try {
    await file.writeFile(`${JSON.stringify({ id, adoptedAt: new Date().toISOString() })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
  return { id, fresh: true };
}
