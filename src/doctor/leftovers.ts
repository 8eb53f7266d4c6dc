/**
 * What processes that died left on the storage and beside the group mappings, old enough that nobody works on it. Whether
 * something may be removed is decided here; the last copy of a result never is.
 */
import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { resolveGroupFolder } from '../archive/group-folder.ts';
import { archivesFolder } from '../archive/layout.ts';
import { manifestName } from '../archive/manifest.ts';
import type { StorageConfig } from '../config/config.ts';
import { isBridgeError } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';
import { readStoredGroups } from '../storage/check.ts';

export interface Leftover {
  readonly path: string;
  /** Why it may be removed; null: it may not. */
  readonly removable: string | null;
}

const hourMs = 3_600_000;
/** An archive is built within hours, also a large one on a slow share. */
const oldStagingMs = 7 * 24 * hourMs;
const oldMs = hourMs;

const staging = /^\.\d{8}_\d{6}\.([0-9a-f-]{36})\.partial(?:\.new)?$/;
const trial = /^\.biomero-bridge-(?:smoke|check|probe)-[0-9a-f-]{8,36}$/;

/** Leftovers in the folders of all groups that results were stored for, at base_dir, and beside the mapping files. */
export async function findLeftovers(db: Database, storage: StorageConfig, now: number): Promise<Leftover[]> {
  const found = await oldTrials(storage.baseDir, now);
  const stages: { path: string; taskId: string }[] = [];
  for (const group of await readStoredGroups(db, storage)) {
    const folder = await resolveGroupFolder(storage, group).catch((error: unknown) => {
      // Told by another check.
      if (isBridgeError(error)) return null;
      throw error;
    });
    if (!folder) continue;
    found.push(...(await oldTrials(folder.path, now)));
    const archives = join(folder.path, archivesFolder);
    for (const workflow of await realFolders(archives))
      for (const path of await realFolders(workflow)) {
        const taskId = staging.exec(basename(path))?.[1];
        if (taskId !== undefined && (await isOlder(path, now - oldStagingMs))) stages.push({ path, taskId });
      }
  }
  const reasons = await removableTasks(db, [...new Set(stages.map((s) => s.taskId))], now);
  for (const { path, taskId } of stages) found.push({ path, removable: reasons.get(taskId) ?? null });
  for (const file of storage.mappingFiles) found.push(...(await oldCopies(file, now)));
  return found;
}

/** Tasks whose unfinished archive nobody needs any more. */
async function removableTasks(db: Database, taskIds: readonly string[], now: number): Promise<Map<string, string>> {
  const { rows } = await db.query<{ task_id: string; path: string | null; abandoned: boolean }>(
    `select r.task_id::text, a.path, coalesce(r.abandoned_at < $2, false) as abandoned
     from bridge.runs r left join bridge.archives a on a.task_id = r.task_id
     where r.task_id::text = any($1) and (a.task_id is not null or r.abandoned_at < $2)`,
    [taskIds, new Date(now - oldStagingMs)],
  );
  const reasons = new Map<string, string>();
  for (const { task_id, path, abandoned } of rows)
    // What is written down may have gone from the disk since.
    if (path !== null && (await namesIn(path)).includes(manifestName))
      reasons.set(task_id, `its archive is complete: ${path}`);
    else if (abandoned) reasons.set(task_id, 'its run was given up');
  return reasons;
}

async function oldTrials(folder: string, now: number): Promise<Leftover[]> {
  const names = (await namesIn(folder)).filter((name) => trial.test(name));
  const old: Leftover[] = [];
  for (const name of names)
    if (await isOlder(join(folder, name), now - oldMs))
      old.push({ path: join(folder, name), removable: 'a trial of the doctor or of a check left it' });
  return old;
}

/** New versions of a mapping file that were written beside it and never took its place. */
async function oldCopies(file: string, now: number): Promise<Leftover[]> {
  const start = `.${basename(file)}.`;
  const old: Leftover[] = [];
  for (const name of await namesIn(dirname(file))) {
    if (!name.startsWith(start) || !/^\d+-[0-9a-f]{8}\.new$/.test(name.slice(start.length))) continue;
    const path = join(dirname(file), name);
    if (await isOlder(path, now - oldMs)) old.push({ path, removable: 'it never took the place of the mapping file' });
  }
  return old;
}

/** Folders in a folder; links are not followed, neither to it nor from it. */
async function realFolders(folder: string): Promise<string[]> {
  const isReal = await lstat(folder).then(
    (s) => s.isDirectory(),
    () => false,
  );
  if (!isReal) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isDirectory()).map((e) => join(folder, e.name));
}

/** What cannot be read holds nothing that we could know. */
async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function isOlder(path: string, than: number): Promise<boolean> {
  return lstat(path).then(
    (s) => Math.max(s.mtimeMs, s.ctimeMs) < than,
    () => false,
  );
}
