/** What the storage is like right now, for admins: its mounts, the room on them, and whether each group can be written. */
import { existsSync } from 'node:fs';
import { rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { resolveGroupFolder, type GroupFolder } from '../archive/group-folder.ts';
import { readGroupMappings } from '../archive/group-mappings.ts';
import { archivesFolder } from '../archive/layout.ts';
import { freeSpace } from '../archive/storage-error.ts';
import type { StorageConfig } from '../config/config.ts';
import { describeError } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';
import { readMarker } from './marker.ts';
import { requireStorage } from './preflight.ts';

/** Room on a file system; null where it does not tell. */
export interface Room {
  bytes: number | null;
  /** New files and folders. */
  names: number | null;
}

export interface MountState {
  path: string;
  /** `known`: it bears the marker that was adopted; `unmarked`: it bears none and none was adopted. */
  state: 'known' | 'unmarked' | 'changed' | 'missing';
  marker: string | null;
  found: string | null;
  reason: string | null;
  seenAt: Date | null;
  room: Room | null;
}

/** The storage and every mount that was adopted, as they are. Nothing is written. */
export async function readMounts(db: Database, baseDir: string): Promise<MountState[]> {
  const { rows } = await db.query<{ path: string; marker: string; seen_at: Date }>(
    'select path, marker::text, seen_at from bridge.storages order by path limit 1000',
  );
  const known = rows.some((r) => r.path === baseDir) ? rows : [{ path: baseDir, marker: null, seen_at: null }, ...rows];
  return Promise.all(known.map(({ path, marker, seen_at }) => readMount(path, marker, seen_at)));
}

async function readMount(path: string, marker: string | null, seenAt: Date | null): Promise<MountState> {
  const mount = { path, marker, seenAt };
  try {
    if (!(await stat(path)).isDirectory()) throw new Error('it is not a folder');
    const room = await freeSpace(path);
    const found = await readMarker(path);
    const state = found === marker ? (marker === null ? 'unmarked' : 'known') : marker === null ? 'known' : 'changed';
    return { ...mount, state, found, reason: null, room };
  } catch (error) {
    return { ...mount, state: 'missing', found: null, reason: describeError(error), room: null };
  }
}

/** A group whose results are stored, by its mapping or by its runs; `id` is null where only the name is known. */
export interface StoredGroup {
  id: number | null;
  name: string;
}

/**
 * Groups with a mapping or a run, by name.
 *
 * @throws GROUP_MAPPINGS_INVALID
 */
export async function readStoredGroups(db: Database, storage: StorageConfig): Promise<StoredGroup[]> {
  const mappings = await readGroupMappings(storage.mappingFiles);
  const { rows } = await db.query<{ id: string; name: string }>(
    `select distinct on (group_id) group_id as id, group_name as name from bridge.runs
     order by group_id, launched_at desc limit 1000`,
  );
  const groups = new Map<number, StoredGroup>();
  for (const { key, groupName } of mappings.values()) groups.set(Number(key), { id: Number(key), name: groupName });
  // OMERO's name at the latest launch is the newer one.
  for (const { id, name } of rows) groups.set(Number(id), { id: Number(id), name });
  return [...groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Whether a group's results can be stored, tried as its archives are. What was made for the trial is removed again:
 * whoever looks may be another user than the worker, and must not leave it folders that it cannot write.
 *
 * @param chosen a folder that the group might get; by default the one it has
 * @throws GROUP_FOLDER_…, GROUP_MAPPING…, STORAGE_…
 */
export async function checkGroupStorage(
  db: Database,
  storage: StorageConfig,
  group: StoredGroup,
  log: Logger,
  chosen?: string,
): Promise<GroupFolder & { room: Room }> {
  const path = chosen ?? (await resolveGroupFolder(storage, group)).path;
  const missing = [join(path, archivesFolder), path].filter((folder) => !existsSync(folder));
  try {
    const folder = await requireStorage(db, storage, group, { log, ...(chosen === undefined ? {} : { chosen }) });
    return { ...folder, room: await freeSpace(join(path, archivesFolder)) };
  } finally {
    for (const folder of missing) await rmdir(folder).catch(() => undefined);
  }
}
