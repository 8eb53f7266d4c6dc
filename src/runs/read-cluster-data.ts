import type { QueryResultRow } from 'pg';
import type { Database } from '../lib/database.ts';
import { runFromRow, type Run } from './run.ts';

/** Done runs whose data on the cluster are to be removed; those that could not be removed only after `againAfterMs`. */
export async function runsToTidy(db: Database, againAfterMs: number, limit: number): Promise<Run[]> {
  const { rows } = await db.query<QueryResultRow>(
    `select * from bridge.runs where outcome = 'done' and cluster_data = 'remove'
       and (cluster_data_detail is null or updated_at < clock_timestamp() - $1 * interval '1 millisecond')
     order by ended_at limit $2`,
    [againAfterMs, limit],
  );
  return rows.map(runFromRow);
}

/** Ids of other runs that have not ended and work in the same data folder. */
export async function runsOnDataPath(db: Database, run: Run): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from bridge.runs where id <> $1 and ended_at is null
       and regexp_replace(data_path, '^.*/', '') = regexp_replace($2, '^.*/', '')`,
    [run.id, run.dataPath],
  );
  return rows.map((row) => row.id);
}

/** A run that has this job and data folder and has not ended; null when there is none. */
export async function openRunOfJob(db: Database, jobId: number, dataPath: string): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(
    `select id from bridge.runs where ended_at is null and job_id = $1
       and regexp_replace(data_path, '^.*/', '') = regexp_replace($2, '^.*/', '') limit 1`,
    [jobId, dataPath],
  );
  return rows[0]?.id ?? null;
}

/** The run that has this import task; null when there is none. */
export async function runOfTask(db: Database, taskId: string): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>('select id from bridge.runs where task_id::text = $1', [taskId]);
  return rows[0]?.id ?? null;
}

/** The run that has this job and data folder, or this id; null when there is none. */
export async function runOfJob(db: Database, jobId: number, dataPath: string, runId: string): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(
    `select id from bridge.runs where id = $3
       or (job_id = $1 and regexp_replace(data_path, '^.*/', '') = regexp_replace($2, '^.*/', '')) limit 1`,
    [jobId, dataPath, runId],
  );
  return rows[0]?.id ?? null;
}

/** The newest run that has a job of this id; null when there is none. */
export async function newestRunOfJob(db: Database, jobId: number): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(
    'select id from bridge.runs where job_id = $1 order by launched_at desc limit 1',
    [jobId],
  );
  return rows[0]?.id ?? null;
}
