import type { TrackingConfig } from '../config/config.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { advanceCursors, lockCursors, pythonListens } from './cursors.ts';
import { jobAddedAt, lastEventId, readEvents, readWorkflowIds, tableExists, workflowsWithEvents } from './event-log.ts';
import { projectWorkflow, type JobRow, type ProgressRow, type TaskRow } from './projection.ts';

/*
 * BIOMERO's four view tables, which its dashboards and web pages read. Rows are computed from the log each time, under a
 * lock per workflow, so that they are right whoever wrote the events and in whichever order writers finish.
 *
 * Where Python listeners have been (one of their `*_tracking` tables is there) they fill these tables from the same log;
 * then we write no rows at all, unless the site says that the views are ours: then rows and all four cursors go together.
 */

const viewTables: Readonly<Record<string, string>> = {
  biomero_job_view: `
    slurm_job_id serial not null, "user" integer not null, "group" integer not null, task_id uuid,
    primary key (slurm_job_id)`,
  biomero_job_progress_view: `
    slurm_job_id serial not null, status varchar not null, progress varchar,
    primary key (slurm_job_id)`,
  biomero_workflow_progress_view: `
    workflow_id uuid not null, status varchar, progress varchar, "user" integer, "group" integer, name varchar,
    task varchar, main_task_name varchar, start_time timestamp without time zone not null,
    primary key (workflow_id)`,
  biomero_task_execution: `
    task_id uuid not null, task_name varchar not null, task_version varchar, user_id integer, group_id integer,
    status varchar not null, start_time timestamp without time zone not null, end_time timestamp without time zone,
    error_type varchar,
    primary key (task_id)`,
};

/** Creates the view tables that are absent, in the shape that BIOMERO gives them. */
export async function ensureViews(tx: Database): Promise<void> {
  for (const [table, columns] of Object.entries(viewTables))
    if (!(await tableExists(tx, table))) await tx.query(`create table ${table} (${columns})`);
}

/** Brings the rows of one workflow up to date with the log. False when the tables are left to Python. */
export async function refreshViews(pool: Pool, workflowId: string, config: TrackingConfig): Promise<boolean> {
  return transaction(pool, async (tx) => {
    if (await pythonListens(tx)) return config.views === 'ours' && refreshAll(tx, config);
    await tx.query(`select pg_advisory_xact_lock_shared(hashtext('biomero_bridge_views')::bigint)`);
    await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_views'), hashtext($1))`, [workflowId]);
    await writeRows(tx, workflowId, config, await hasMainTaskName(tx));
    return true;
  });
}

/**
 * Writes the rows of every workflow that some listener has not read to the end of the log, and moves all cursors there:
 * a cursor that passed over events without their rows would hide them from Python for good.
 */
async function refreshAll(tx: Database, config: TrackingConfig): Promise<true> {
  await tx.query(`set local lock_timeout = 2000`);
  await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_views')::bigint)`);
  const cursors = await lockCursors(tx);
  const last = await lastEventId(tx);
  const from = Math.min(...cursors.map((c) => c.at));
  const withMainTask = await hasMainTaskName(tx);
  for (const id of await workflowsWithEvents(tx, from, last)) await writeRows(tx, id, config, withMainTask);
  await advanceCursors(tx, cursors, last);
  return true;
}

/**
 * Empties the view tables and fills them from the log, in one transaction: readers see the old rows until the new ones
 * are complete. Gives the number of workflows; null when the tables are left to Python.
 */
export async function rebuildViews(pool: Pool, config: TrackingConfig): Promise<number | null> {
  return transaction(pool, async (tx) => {
    if (config.views !== 'ours' && (await pythonListens(tx))) return null;
    await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_views')::bigint)`);
    const cursors = await lockCursors(tx);
    await ensureViews(tx);
    const last = await lastEventId(tx);
    await tx.query('delete from biomero_job_view');
    await tx.query('delete from biomero_job_progress_view');
    await tx.query('delete from biomero_workflow_progress_view');
    await tx.query('delete from biomero_task_execution');
    const ids = await readWorkflowIds(tx);
    const withMainTask = await hasMainTaskName(tx);
    for (const id of ids) await writeRows(tx, id, config, withMainTask);
    await advanceCursors(tx, cursors, last);
    return ids.length;
  });
}

/** False for a table that an older BIOMERO made; it is never altered. */
async function hasMainTaskName(tx: Database): Promise<boolean> {
  const { rows } = await tx.query<{ found: boolean }>(
    `select exists (select from pg_attribute where attrelid = to_regclass('biomero_workflow_progress_view')
       and attname = 'main_task_name' and not attisdropped) as found`,
  );
  return rows[0]?.found ?? false;
}

async function writeRows(
  tx: Database,
  workflowId: string,
  config: TrackingConfig,
  withMainTask: boolean,
): Promise<void> {
  const own = await readEvents(tx, [workflowId]);
  const taskIds = own.flatMap(({ event }) => (event?.type === 'TaskAdded' ? [event.task_id] : []));
  const events = taskIds.length ? await readEvents(tx, [workflowId, ...new Set(taskIds)]) : own;
  const rows = projectWorkflow(workflowId, events);
  if (!rows) return;
  if (config.jobProgress) await putProgress(tx, rows.progress, withMainTask);
  if (config.workflowAnalytics) for (const task of rows.tasks) await putTask(tx, task);
  for (const job of rows.jobs.toSorted((a, b) => a.jobId - b.jobId)) {
    if (!(await claimJob(tx, job))) continue;
    if (config.jobAccounting) await putJob(tx, job);
    if (config.jobProgress && job.status !== null) await putJobProgress(tx, { ...job, status: job.status });
  }
}

/**
 * False when a task that came later has this job's id: Slurm gives ids again when its database is reset. The job's
 * progress goes with the id.
 */
async function claimJob(tx: Database, job: JobRow): Promise<boolean> {
  const { rows } = await tx.query<{ task_id: string | null }>(
    'select task_id from biomero_job_view where slurm_job_id = $1 for update',
    [job.jobId],
  );
  const holder = rows[0]?.task_id;
  if (!holder || holder === job.taskId) return true;
  const since = await jobAddedAt(tx, holder, job.jobId);
  if (since !== null && since > job.addedAt) return false;
  await tx.query('delete from biomero_job_progress_view where slurm_job_id = $1', [job.jobId]);
  return true;
}

// The columns have no time zone; BIOMERO's driver lets PostgreSQL convert to the session's, hence the casts.

async function putProgress(tx: Database, row: ProgressRow, withMainTask: boolean): Promise<void> {
  const columns = `status, progress, "user", "group", name, task, start_time${withMainTask ? ', main_task_name' : ''}`;
  const given = columns.replace(/[a-z_]+|"[a-z]+"/g, 'excluded.$&');
  await tx.query(
    `insert into biomero_workflow_progress_view as v (workflow_id, ${columns})
     values ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz${withMainTask ? ', $9' : ''})
     on conflict (workflow_id) do update set (${columns}) = row (${given}) where v is distinct from excluded`,
    [
      row.workflowId,
      plain(row.status),
      plain(row.progress),
      row.user,
      row.group,
      plain(row.name),
      plain(row.task),
      row.startTime,
      ...(withMainTask ? [plain(row.mainTaskName)] : []),
    ],
  );
}

async function putTask(tx: Database, row: TaskRow): Promise<void> {
  await tx.query(
    `insert into biomero_task_execution as v
       (task_id, task_name, task_version, user_id, group_id, status, start_time, end_time, error_type)
     values ($1, $2, $3, $4, $5, $6, $7::timestamptz, $8::timestamptz, $9)
     on conflict (task_id) do update set (task_name, task_version, user_id, group_id, status, start_time, end_time, error_type)
       = row (excluded.task_name, excluded.task_version, excluded.user_id, excluded.group_id, excluded.status,
              excluded.start_time, excluded.end_time, excluded.error_type)
     where v is distinct from excluded`,
    [
      row.taskId,
      plain(row.name),
      plain(row.version),
      row.user,
      row.group,
      plain(row.status),
      row.startTime,
      row.endTime,
      plain(row.error),
    ],
  );
}

async function putJob(tx: Database, row: JobRow): Promise<void> {
  await tx.query(
    `insert into biomero_job_view (slurm_job_id, "user", "group", task_id) values ($1, $2, $3, $4)
     on conflict (slurm_job_id) do update
       set "user" = excluded."user", "group" = excluded."group", task_id = excluded.task_id`,
    [row.jobId, row.user, row.group, row.taskId],
  );
}

async function putJobProgress(tx: Database, row: JobRow & { status: string }): Promise<void> {
  await tx.query(
    `insert into biomero_job_progress_view (slurm_job_id, status, progress) values ($1, $2, $3)
     on conflict (slurm_job_id) do update set status = excluded.status, progress = excluded.progress`,
    [row.jobId, plain(row.status), plain(row.progress)],
  );
}

/** PostgreSQL's text has no U+0000; the log keeps it. */
function plain<T extends string | null>(text: T): T {
  return (text === null ? null : text.replaceAll('\0', '\ufffd')) as T;
}
