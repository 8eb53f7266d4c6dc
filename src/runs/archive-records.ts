/** Our records of archives: reading them, and restoring them from the folders alone. */
import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { findArchives } from '../archive/find-archives.ts';
import { kindOf } from '../archive/image-selection.ts';
import { archivesFolder } from '../archive/layout.ts';
import { manifestName, readManifest } from '../archive/manifest.ts';
import { provenanceName, type Provenance } from '../archive/provenance.ts';
import { readProvenance } from '../archive/read-provenance.ts';
import { compareArchive } from '../archive/verify.ts';
import { walkFiles } from '../archive/walk.ts';
import { describeError } from '../domain/errors.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { insertArchive, insertRestoredRun } from './write-run.ts';

export interface ArchiveRecord {
  runId: string;
  taskId: string;
  path: string;
  workflow: string;
  workflowVersion: string;
  user: string;
  group: string;
  jobId: number | null;
  files: number;
  bytes: number;
  manifestSha256: string;
  verifiedAt: Date;
}

const columns = `a.run_id::text as "runId", a.task_id::text as "taskId", a.path, r.workflow,
  r.workflow_version as "workflowVersion", r.user_name as "user", r.group_name as "group", r.job_id as "jobId", a.files,
  a.bytes, a.manifest_sha256 as "manifestSha256", a.verified_at as "verifiedAt"`;

/** Every archive that we have a record of, the newest first; of one group when it is given. */
export async function listArchives(db: Database, group: string | null): Promise<ArchiveRecord[]> {
  const { rows } = await db.query<ArchiveRecord>(
    `select ${columns} from bridge.archives a join bridge.runs r on r.id = a.run_id
     where a.kept and ($1::text is null or r.group_name = $1) order by a.verified_at desc, a.path`,
    [group],
  );
  return rows;
}

/** Archives of a run, the newest first. */
export async function archivesOfRun(db: Database, runId: string): Promise<ArchiveRecord[]> {
  const { rows } = await db.query<ArchiveRecord>(
    `select ${columns} from bridge.archives a join bridge.runs r on r.id = a.run_id
     where a.run_id = $1 and a.kept order by a.verified_at desc`,
    [runId],
  );
  return rows;
}

export interface Restored {
  path: string;
  /** `restored`: a record was written; `moved`: it has this path now; `known`: it stood; `skipped`: see the reason. */
  state: 'restored' | 'moved' | 'known' | 'skipped';
  runId: string | null;
  reason: string | null;
}

/**
 * Restores the record of one archive from its folder. It is read as a whole first: what is not as its manifest says is
 * skipped. A second call changes nothing.
 */
export async function restoreRecord(pool: Pool, path: string): Promise<Restored> {
  const skipped = (reason: string): Restored => ({ path, state: 'skipped', runId: null, reason });
  let manifest: string;
  let provenance: Provenance;
  try {
    manifest = await readFile(join(path, manifestName), 'utf8');
    provenance = readProvenance(await readFile(join(path, provenanceName), 'utf8'));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return skipped(missing ? 'another program made it: manifest or provenance is missing' : describeError(error));
  }
  const { workflowId, taskId } = provenance;
  if (basename(dirname(path)) !== workflowId || basename(dirname(dirname(path))) !== archivesFolder)
    return skipped(`it does not lie in ${archivesFolder}/${workflowId}, so it is a copy or was moved by itself`);
  const manifestSha256 = createHash('sha256').update(manifest).digest('hex');
  const before = await recordOf(pool, taskId);
  if (before?.path === path && before.manifestSha256 === manifestSha256)
    return { path, state: 'known', runId: before.runId, reason: null };
  if (before && before.path !== path && (await isThere(before.path)))
    return skipped(`its task has an archive already: ${before.path}`);
  if (before && before.manifestSha256 !== manifestSha256)
    return skipped('our record has another manifest; look at both with archive show and archive verify');

  const { state, differences } = await compareArchive(path);
  if (state !== 'intact')
    return skipped(`it is not as its manifest says (${differences.length} found); archive verify tells what`);
  if (before) {
    await pool.query('update bridge.archives set path = $2, verified_at = clock_timestamp() where task_id = $1', [
      taskId,
      path,
    ]);
    return { path, state: 'moved', runId: before.runId, reason: `it was recorded at ${before.path}` };
  }
  const sizes = new Map<string, number>();
  for await (const file of walkFiles(path)) sizes.set(file.path, file.bytes);
  const files = readManifest(manifest).map((l) => ({ ...l, bytes: sizes.get(l.path) ?? 0, kind: kindOf(l.path) }));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  await transaction(pool, async (tx) => {
    await insertRun(tx, provenance, path);
    await insertArchive(tx, workflowId, taskId, { path, files, bytes, manifestSha256, images: [] });
  });
  return { path, state: 'restored', runId: workflowId, reason: null };
}

/** Archives below folders, each once; a folder that cannot be read is told as skipped. */
export async function archivesBelow(folders: readonly string[]): Promise<{ paths: string[]; unread: Restored[] }> {
  const paths = new Set<string>();
  const unread: Restored[] = [];
  for (const folder of folders)
    try {
      for (const path of await findArchives(folder)) paths.add(path);
    } catch (error) {
      unread.push({ path: folder, state: 'skipped', runId: null, reason: describeError(error) });
    }
  return { paths: [...paths].sort(), unread };
}

async function insertRun(tx: Database, p: Provenance, path: string): Promise<void> {
  const input = p.input;
  await insertRestoredRun(tx, {
    id: p.workflowId,
    taskId: p.taskId,
    // Archives that do not tell get ids that nothing else has.
    workflowTaskId: p.workflowTaskId ?? p.taskId,
    workflow: p.workflow,
    workflowVersion: p.workflowVersion,
    parameters: p.parameters,
    user: { id: p.userId ?? -1, name: p.user },
    group: { id: p.groupId ?? -1, name: p.group },
    input: input?.type === 'Dataset' || input?.type === 'Screen' ? { ...input, type: input.type } : null,
    jobId: p.jobId,
    launchedAt: p.startedAt,
    endedAt: p.endedAt ?? p.startedAt,
    basePath: dirname(dirname(dirname(path))),
    stamp: basename(path),
  });
}

async function recordOf(db: Database, taskId: string): Promise<ArchiveRecord | null> {
  const { rows } = await db.query<ArchiveRecord>(
    `select ${columns} from bridge.archives a join bridge.runs r on r.id = a.run_id where a.task_id = $1`,
    [taskId],
  );
  return rows[0] ?? null;
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
