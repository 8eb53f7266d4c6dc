import { randomUUID } from 'node:crypto';
import type { Pool } from '../../src/lib/database.ts';

/** Enters runs that ended, with their steps and archives: 50 groups, 40 users, 12 workflows; one of a hundred failed. */
export async function insertRuns(pool: Pool, count: number): Promise<void> {
  await pool.query(
    `insert into bridge.runs (id, task_id, workflow_task_id, workflow, workflow_version, parameters, recipe, user_id,
       user_name, group_id, group_name, input_type, input_id, input_name, destination_type, destination_id,
       destination_name, data_path, job_id, launched_at, ended_at, outcome, status)
     select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'workflow-' || n % 12, '1.0.' || n % 3,
       '{"diameter": 30}', 'import-results', n % 40, 'user-' || n % 40, n % 50, 'group ' || n % 50, 'Dataset', n,
       'plate ' || n, 'Dataset', n, 'results of plate ' || n, 'data/' || n, n, now() - n * interval '1 minute',
       now() - n * interval '1 minute' + interval '50 seconds', case when n % 100 = 0 then 'failed' else 'done' end,
       case when n % 100 = 0 then 'IMPORT_FAILED' else 'DONE' end
     from generate_series(1, $1::int) n`,
    [count],
  );
  await pool.query(
    `insert into bridge.steps (run_id, step, state, started_at, ended_at, files_done, files_total)
     select id, step, 'done', launched_at, ended_at, 24, 24 from bridge.runs,
       unnest(array['submit', 'follow', 'archive', 'order', 'import', 'annotate']) step`,
  );
  await pool.query(
    `insert into bridge.archives (task_id, run_id, path, files, bytes, manifest_sha256)
     select task_id, id, '/data/' || id, 60, 8000000000, repeat('0', 64) from bridge.runs`,
  );
  await pool.query('vacuum analyze');
}

/** One more run, which goes on; its id. */
export async function insertOpenRun(pool: Pool): Promise<string> {
  const id = randomUUID();
  await pool.query(
    `insert into bridge.runs (id, task_id, workflow_task_id, workflow, workflow_version, parameters, recipe, user_id,
       user_name, group_id, group_name, data_path, job_id, status)
     values ($1, gen_random_uuid(), gen_random_uuid(), 'nuclei', '1', '{}', 'import-results', 1, 'user-1', 1, 'group 1',
       'data', 1, 'JOB_RUNNING')`,
    [id],
  );
  await pool.query(
    `insert into bridge.steps (run_id, step, state, started_at) values ($1, 'follow', 'running', now())`,
    [id],
  );
  return id;
}

/** Changes a run as a worker does: a step's words, the revision, a notification. */
export async function changeRun(pool: Pool, id: string, detail: string): Promise<void> {
  await pool.query(
    `with step as (update bridge.steps set detail = $2 where run_id = $1),
       run as (update bridge.runs set revision = revision + 1, updated_at = clock_timestamp() where id = $1)
     select pg_notify('bridge_runs', $3)`,
    [id, detail, id],
  );
}
