import { sep } from 'node:path';
import { bridgeError, describeError } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';
import { readMarker } from './marker.ts';

export interface KnownStorage {
  path: string;
  marker: string;
}

/** Adopted mounts at or above a folder, the nearest first. */
export async function storagesAbove(db: Database, folder: string): Promise<KnownStorage[]> {
  const { rows } = await db.query<KnownStorage>(
    `select path, marker::text from bridge.storages where $1 = path or starts_with($1, rtrim(path, '/') || '/')
     order by length(path) desc`,
    [folder],
  );
  return rows;
}

/** Enters the marker of a mount, or the one that takes its place. */
export async function recordStorage(db: Database, storage: KnownStorage): Promise<void> {
  await db.query(
    `insert into bridge.storages (path, marker) values ($1, $2)
     on conflict (path) do update set marker = excluded.marker, seen_at = clock_timestamp()`,
    [storage.path, storage.marker],
  );
}

/** Remembers when a mount was last seen with its marker, at most once a minute. */
async function touchStorage(db: Database, path: string): Promise<void> {
  await db.query(
    `update bridge.storages set seen_at = clock_timestamp()
     where path = $1 and seen_at < clock_timestamp() - interval '1 minute'`,
    [path],
  );
}

/**
 * Looks whether the mounts that a folder lies on are those that were adopted. Nothing is written. A storage whose marker
 * was never seen is taken for known from now on when it bears one. Returns false when nothing is known of it.
 *
 * @throws STORAGE_MOUNT_CHANGED
 */
export async function requireSameMount(db: Database, base: string, folder: string): Promise<boolean> {
  const known = await storagesAbove(db, folder);
  for (const storage of known) {
    await requireMarker(storage);
    await touchStorage(db, storage.path);
  }
  if (known.some((storage) => storage.path === base)) return true;
  const marker = folder === base || folder.startsWith(base + sep) ? await readMarker(base).catch(() => null) : null;
  if (marker !== null) await recordStorage(db, { path: base, marker });
  return marker !== null || known.length > 0;
}

async function requireMarker({ path, marker }: KnownStorage): Promise<void> {
  const changed = (reason: string, cause?: unknown): Error =>
    bridgeError('STORAGE_MOUNT_CHANGED', { path, marker, reason }, { cause });
  let found: string | null;
  try {
    found = await readMarker(path);
  } catch (error) {
    throw changed(describeError(error), error);
  }
  if (found === null) throw changed('its marker is not there, as when the storage is not mounted');
  if (found !== marker) throw changed(`it bears the marker ${found}`);
}
