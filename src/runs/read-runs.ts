import type { QueryResultRow } from 'pg';
import type { Database } from '../lib/database.ts';
import type { StepName, StepState } from '../domain/vocabulary.ts';
import { runFromRow, type Run } from './run.ts';

export interface StepRow {
  step: StepName;
  state: StepState;
  attempt: number;
  startedAt: Date | null;
  endedAt: Date | null;
  filesDone: number | null;
  filesTotal: number | null;
  bytesDone: number | null;
  bytesTotal: number | null;
  detail: string;
}

export interface ArchiveRow {
  path: string;
  files: number;
  bytes: number;
  verifiedAt: Date;
  /** False: results that wait in a local folder for their upload, which is removed afterwards. */
  kept: boolean;
}

export interface ArchiveFileRow {
  path: string;
  bytes: number;
  sha256: string;
  kind: 'image' | 'table' | 'log' | 'provenance' | 'other';
}

export async function readRun(db: Database, id: string): Promise<Run | null> {
  const { rows } = await db.query<QueryResultRow>('select * from bridge.runs where id = $1', [id]);
  return rows[0] ? runFromRow(rows[0]) : null;
}

/** Runs whose whole id or its first characters are given; several when the beginning is not unique. */
export async function findRuns(db: Database, idStart: string): Promise<Run[]> {
  if (!/^[0-9a-f-]{4,36}$/i.test(idStart)) return [];
  const { rows } = await db.query<QueryResultRow>(
    'select * from bridge.runs where id::text like $1 order by launched_at desc limit 10',
    [`${idStart.toLowerCase()}%`],
  );
  return rows.map(runFromRow);
}

/** Runs that a worker has something to do for, oldest first; those that no other holds before those that one does. */
export async function openRunIds(db: Database, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select r.id from bridge.runs r left join bridge.leases l
       on l.resource = 'run:' || r.id::text and l.expires_at > clock_timestamp()
     where r.ended_at is null order by l.resource is not null, r.launched_at limit $1`,
    [limit],
  );
  return rows.map((r) => r.id);
}

/** Those of the runs that somebody gave up and whose end no worker has written yet. */
export async function abandonedRunIds(db: Database, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    'select id from bridge.runs where id = any($1::uuid[]) and abandoned_at is not null and ended_at is null',
    [ids],
  );
  return rows.map((r) => r.id);
}

export async function readSteps(db: Database, runIds: string[]): Promise<Map<string, StepRow[]>> {
  const { rows } = await db.query<QueryResultRow>('select * from bridge.steps where run_id = any($1::uuid[])', [
    runIds,
  ]);
  const steps = new Map<string, StepRow[]>();
  for (const r of rows) {
    const list = steps.get(r.run_id) ?? [];
    steps.set(r.run_id, list);
    list.push({
      step: r.step,
      state: r.state,
      attempt: r.attempt,
      startedAt: r.started_at,
      endedAt: r.ended_at,
      filesDone: r.files_done,
      filesTotal: r.files_total,
      bytesDone: r.bytes_done,
      bytesTotal: r.bytes_total,
      detail: r.detail,
    });
  }
  return steps;
}

export async function readArchive(db: Database, taskId: string): Promise<ArchiveRow | null> {
  const { rows } = await db.query<QueryResultRow>('select * from bridge.archives where task_id = $1', [taskId]);
  const r = rows[0];
  return r ? { path: r.path, files: r.files, bytes: r.bytes, verifiedAt: r.verified_at, kept: r.kept } : null;
}

export async function readArchiveFiles(db: Database, taskId: string): Promise<ArchiveFileRow[]> {
  const { rows } = await db.query<ArchiveFileRow>(
    'select path, bytes, sha256, kind from bridge.archive_files where task_id = $1 order by path',
    [taskId],
  );
  return rows;
}

/** Whether a file was brought home with the results, wherever it is now. */
export async function hasArchiveFile(db: Database, taskId: string, path: string): Promise<boolean> {
  const { rows } = await db.query('select 1 from bridge.archive_files where task_id = $1 and path = $2', [
    taskId,
    path,
  ]);
  return rows.length > 0;
}

/** Order uuids of a run, in the order they were placed. */
export async function readRunOrders(db: Database, runId: string): Promise<string[]> {
  const { rows } = await db.query<{ order_uuid: string }>(
    'select order_uuid from bridge.run_orders where run_id = $1 order by part',
    [runId],
  );
  return rows.map((r) => r.order_uuid);
}
