import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { storageError } from '../archive/storage-error.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';
import { recordStorage, storagesAbove } from './known-storages.ts';
import { ensureMarker, markerName, readMarker } from './marker.ts';

export interface Adopted {
  path: string;
  marker: string;
  /** The marker was written now; else it was there. */
  fresh: boolean;
}

/**
 * Makes a mount known by its marker, which is written when there is none. With `replace`, what is mounted there now takes
 * the place of what was known; otherwise that is refused.
 *
 * @throws STORAGE_BASE_MISSING, STORAGE_MOUNT_CHANGED, STORAGE_NOT_WRITABLE
 */
export async function adoptStorage(
  db: Database,
  folder: string,
  options: { replace?: boolean } = {},
): Promise<Adopted> {
  const path = resolve(folder);
  try {
    if (!(await stat(path)).isDirectory()) throw new Error('it is not a folder');
  } catch (error) {
    throw bridgeError('STORAGE_BASE_MISSING', { base: path, reason: describeError(error) }, { cause: error });
  }
  const known = (await storagesAbove(db, path)).find((storage) => storage.path === path);
  let marker: { id: string; fresh: boolean };
  try {
    const found = await readMarker(path);
    if (known && found !== known.marker && !options.replace)
      throw bridgeError('STORAGE_MOUNT_CHANGED', {
        path,
        marker: known.marker,
        reason: found === null ? 'its marker is not there' : `it bears the marker ${found}`,
      });
    marker = await ensureMarker(path);
  } catch (error) {
    throw await storageError(error, join(path, markerName));
  }
  await recordStorage(db, { path, marker: marker.id });
  return { path, marker: marker.id, fresh: marker.fresh };
}
