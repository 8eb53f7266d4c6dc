/**
 * Whether results of a group can be stored, before anything is computed or moved for them: the folder is resolved, its
 * mount is the one that was adopted, everything an archive needs can be done there as the user we run as, and there is
 * room. Submission, archiving and checks by hand use this one function.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { resolveGroupFolder, type GroupFolder } from '../archive/group-folder.ts';
import { archivesFolder } from '../archive/layout.ts';
import { requireSpace } from '../archive/storage-error.ts';
import { checkWritable } from '../archive/writable.ts';
import type { StorageConfig } from '../config/config.ts';
import type { Database } from '../lib/database.ts';
import { requireSameMount } from './known-storages.ts';

export interface PreflightOptions {
  /** What is about to be stored. */
  bytes?: number;
  files?: number;
  /** The folder that was chosen earlier; it is never made, because its mount may be gone. */
  chosen?: string;
  log: Logger;
}

/** Storages that were warned of by this process. */
const warned = new Set<string>();

/**
 * @returns the group's folder, made when it has no mapping and is missing
 * @throws GROUP_FOLDER_…, GROUP_MAPPING…, STORAGE_…
 */
export async function requireStorage(
  db: Database,
  storage: StorageConfig,
  group: { id: number | null; name: string },
  options: PreflightOptions,
): Promise<GroupFolder> {
  const folder: GroupFolder =
    options.chosen === undefined
      ? await resolveGroupFolder(storage, group)
      : { path: options.chosen, source: 'mapping' };
  // Before anything is made: where a mount was, a folder would go to the disk below it.
  const known = await requireSameMount(db, storage.baseDir, folder.path);
  if (!known && !warned.has(storage.baseDir)) {
    warned.add(storage.baseDir);
    options.log.warn(
      { storage: storage.baseDir },
      'the storage bears no marker, so a mount that went away cannot be told from an empty one; run: biomero-bridge storage adopt',
    );
  }
  await checkWritable(folder.path, group.name, { create: options.chosen === undefined });
  await requireSpace(join(folder.path, archivesFolder), options.bytes ?? 0, options.files ?? 0);
  return folder;
}
