import { requireLease, type Lease } from '../lib/lease.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import type { BridgeError } from '../domain/errors.ts';
import {
  restoredFromArchive,
  statuses,
  stepNames,
  type DestinationType,
  type Recipe,
  type StepName,
} from '../domain/vocabulary.ts';
import { endStep } from './write-step.ts';
import type { Delivered, Delivery } from './delivery.ts';
import type { Orchestrator } from './run.ts';
import type { Archive } from '../archive/archive.ts';

/**
 * Every change of a run: one short transaction that checks the lease, makes the change, raises the revision and
 * notifies `bridge_runs`. A worker that lost its lease writes nothing.
 */
export async function writeRun(
  pool: Pool,
  runId: string,
  lease: Lease | null,
  change: (tx: Database) => Promise<void>,
): Promise<void> {
  await transaction(pool, async (tx) => {
    if (lease) await requireLease(tx, lease);
    await change(tx);
    await touch(tx, runId);
  });
}

async function touch(tx: Database, runId: string): Promise<void> {
  await tx.query('update bridge.runs set revision = revision + 1, updated_at = clock_timestamp() where id = $1', [
    runId,
  ]);
  await tx.query(`select pg_notify('bridge_runs', $1)`, [runId]);
}

export interface NewRun {
  id: string;
  /** Absent: the id. */
  workflowId?: string;
  taskId: string;
  workflowTaskId: string;
  workflow: string;
  workflowVersion: string;
  parameters: Record<string, unknown>;
  recipe: Recipe;
  user: { id: number; name: string };
  group: { id: number; name: string };
  input: { type: DestinationType; id: number; name: string } | null;
  inputImages?: readonly number[] | null;
  dataPath: string;
  destination?: { type: DestinationType; id: number; name: string } | null;
  /** Absent: `bridge`. */
  orchestratedBy?: Orchestrator;
  /** A job that somebody else has submitted. */
  job?: { id: number; word: string; exit: string | null; node: string | null; endedAt: Date | null };
  container?: string | null;
  /** Its data on the cluster may be removed when archive and import stand. */
  cleanup?: boolean;
  delivery?: Delivery | null;
  status: string;
  /** Kept in the audit, once. */
  startedBy?: { who: string; reason: string };
}

/** Stores a new run and its steps, all waiting; false when one stands under this id or has this task, which is left as it is. */
export async function insertRun(pool: Pool, run: NewRun, steps: readonly StepName[]): Promise<boolean> {
  return await transaction(pool, async (tx) => {
    const { rowCount } = await tx.query(
      `insert into bridge.runs (id, task_id, workflow_task_id, workflow, workflow_version, parameters, recipe, user_id,
         user_name, group_id, group_name, input_type, input_id, input_name, data_path, container, cluster_data, status,
         orchestrated_by, workflow_id, input_images, delivery)
       values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22)
       on conflict do nothing`,
      [
        run.id,
        run.taskId,
        run.workflowTaskId,
        run.workflow,
        run.workflowVersion,
        JSON.stringify(run.parameters),
        run.recipe,
        run.user.id,
        run.user.name,
        run.group.id,
        run.group.name,
        run.input?.type ?? null,
        run.input?.id ?? null,
        run.input?.name ?? null,
        run.dataPath,
        run.container ?? null,
        run.cleanup ? 'remove' : 'keep',
        run.status,
        run.orchestratedBy ?? 'bridge',
        run.workflowId ?? null,
        run.inputImages ?? null,
        run.delivery ? JSON.stringify(run.delivery) : null,
      ],
    );
    if (!rowCount) return false;
    if (run.startedBy) await insertAudit(tx, { ...run.startedBy, action: 'start', runId: run.id });
    for (const step of steps)
      await tx.query(`insert into bridge.steps (run_id, step, state, attempt) values ($1, $2, 'waiting', 0)`, [
        run.id,
        step,
      ]);
    if (run.destination) await setDestination(tx, run.id, run.destination);
    if (run.job) {
      await setJobId(tx, run.id, run.job.id);
      await setJobState(tx, run.id, run.job);
      await endStep(tx, run.id, 'submit', 'done', `Job ${run.job.id}, found`);
    }
    await tx.query(`select pg_notify('bridge_runs', $1)`, [run.id]);
    return true;
  });
}

/** Stores an ended run that is known from its archive alone, unless a run stands under this id. */
export async function insertRestoredRun(
  tx: Database,
  run: Omit<NewRun, 'dataPath' | 'status' | 'recipe'> & {
    jobId: number;
    launchedAt: Date;
    endedAt: Date;
    basePath: string;
    stamp: string;
  },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into bridge.runs (id, task_id, workflow_task_id, workflow, workflow_version, parameters, recipe, user_id,
       user_name, group_id, group_name, input_type, input_id, input_name, data_path, status, job_id, job_state,
       job_ended_at, base_path, archive_stamp, launched_at, ended_at, outcome, attention)
     values ($1,$2,$3,$4,$5,$6,'import-results',$7,$8,$9,$10,$11,$12,$13,'',$14,$15,'COMPLETED',$16,$17,$18,$19,$16,
       'done',$20)
     on conflict (id) do nothing`,
    [
      run.id,
      run.taskId,
      run.workflowTaskId,
      run.workflow,
      run.workflowVersion,
      JSON.stringify(run.parameters),
      run.user.id,
      run.user.name,
      run.group.id,
      run.group.name,
      run.input?.type ?? null,
      run.input?.id ?? null,
      run.input?.name ?? null,
      statuses.done,
      run.jobId,
      run.endedAt,
      run.basePath,
      run.stamp,
      run.launchedAt,
      restoredFromArchive,
    ],
  );
  if (!rowCount) return false;
  await tx.query(
    `insert into bridge.steps (run_id, step, state, attempt)
     select $1, step, case when step = any($3) then 'done' else 'waiting' end, 0 from unnest($2::text[]) as step`,
    [run.id, stepNames, ['submit', 'follow', 'archive'] satisfies StepName[]],
  );
  await tx.query(`select pg_notify('bridge_runs', $1)`, [run.id]);
  return true;
}

export async function setJobId(tx: Database, runId: string, jobId: number): Promise<void> {
  await tx.query('update bridge.runs set job_id = $2 where id = $1', [runId, jobId]);
}

export async function setJobState(
  tx: Database,
  runId: string,
  job: { word: string; exit: string | null; node: string | null; endedAt: Date | null },
): Promise<void> {
  await tx.query(
    'update bridge.runs set job_state = $2, job_exit = $3, job_node = $4, job_ended_at = $5 where id = $1',
    [runId, job.word, job.exit, job.node, job.endedAt],
  );
}

export async function setArchivePlace(tx: Database, runId: string, basePath: string, stamp: string): Promise<void> {
  await tx.query('update bridge.runs set base_path = $2, archive_stamp = $3 where id = $1', [runId, basePath, stamp]);
}

/** Another name will be chosen for the archive. */
export async function clearArchivePlace(tx: Database, runId: string): Promise<void> {
  await tx.query('update bridge.runs set base_path = null, archive_stamp = null where id = $1', [runId]);
}

export async function setDestination(
  tx: Database,
  runId: string,
  destination: { type: string; id: number; name: string },
): Promise<void> {
  await tx.query(
    'update bridge.runs set destination_type = $2, destination_id = $3, destination_name = $4 where id = $1',
    [runId, destination.type, destination.id, destination.name],
  );
}

/**
 * Records a verified archive; a second call with the same archive changes nothing. `kept` false: results in a local
 * folder, which may be fetched again.
 */
export async function insertArchive(
  tx: Database,
  runId: string,
  taskId: string,
  archive: Archive,
  { kept = true }: { kept?: boolean } = {},
): Promise<void> {
  if (!kept) await tx.query('delete from bridge.archives where task_id = $1 and not kept', [taskId]);
  const { rowCount } = await tx.query(
    `insert into bridge.archives (task_id, run_id, path, files, bytes, manifest_sha256, kept)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (task_id) do nothing`,
    [taskId, runId, archive.path, archive.files.length, archive.bytes, archive.manifestSha256, kept],
  );
  if (!rowCount) return;
  await tx.query(
    `insert into bridge.archive_files (task_id, path, bytes, sha256, kind)
     select $1, f.path, f.bytes, f.sha256, f.kind
     from jsonb_to_recordset($2::jsonb) as f(path text, bytes bigint, sha256 text, kind text)`,
    [taskId, JSON.stringify(archive.files)],
  );
}

export async function insertRunOrder(
  tx: Database,
  runId: string,
  order: { uuid: string; part: number; retryOf: string | null },
): Promise<void> {
  await tx.query(
    `insert into bridge.run_orders (order_uuid, run_id, part, retry_of) values ($1, $2, $3, $4)
     on conflict (order_uuid) do nothing`,
    [order.uuid, runId, order.part, order.retryOf],
  );
}

export async function setImagesConfirmed(tx: Database, runId: string): Promise<void> {
  await tx.query('update bridge.runs set images_confirmed_at = clock_timestamp() where id = $1', [runId]);
}

export async function setAnnotated(tx: Database, runId: string): Promise<void> {
  await tx.query('update bridge.runs set annotated_at = clock_timestamp() where id = $1', [runId]);
}

/** What became of what was asked beside the import. */
export async function setDelivered(tx: Database, runId: string, delivered: Delivered): Promise<void> {
  await tx.query('update bridge.runs set delivered = $2 where id = $1', [runId, JSON.stringify(delivered)]);
}

export async function setStatus(tx: Database, runId: string, status: string): Promise<void> {
  await tx.query('update bridge.runs set status = $2 where id = $1', [runId, status]);
}

/** What the run waits for, or null when it goes on. */
export async function setAttention(
  tx: Database,
  runId: string,
  attention: { code: string; detail: string } | null,
): Promise<void> {
  await tx.query('update bridge.runs set attention = $2, attention_detail = $3 where id = $1', [
    runId,
    attention?.code ?? null,
    attention?.detail ?? null,
  ]);
}

/** What becomes of the data on the cluster, and why. */
export async function setClusterData(
  tx: Database,
  runId: string,
  state: 'keep' | 'remove' | 'removed',
  detail: string | null,
): Promise<void> {
  await tx.query('update bridge.runs set cluster_data = $2, cluster_data_detail = $3 where id = $1', [
    runId,
    state,
    detail,
  ]);
}

export async function endRun(tx: Database, runId: string, outcome: 'done' | 'failed'): Promise<void> {
  await tx.query(
    `update bridge.runs set outcome = $2, ended_at = clock_timestamp(), attention = null, attention_detail = null
     where id = $1`,
    [runId, outcome],
  );
}

export async function setFailure(tx: Database, runId: string, step: StepName, error: BridgeError): Promise<void> {
  await tx.query(
    `update bridge.runs set failed_step = $2, error_code = $3, error_message = $4, error_remedy = $5, error_who = $6,
       error_retryable = $7, failed_at = clock_timestamp() where id = $1`,
    [runId, step, error.code, error.message, error.remedy, error.who, error.retryable],
  );
}

/** Opens a failed run again, from the step that failed. */
export async function clearFailure(tx: Database, runId: string): Promise<void> {
  await tx.query(
    `update bridge.runs set outcome = null, ended_at = null, failed_step = null, error_code = null, error_message = null,
       error_remedy = null, error_who = null, error_retryable = null, failed_at = null where id = $1`,
    [runId],
  );
}

export async function insertAudit(
  tx: Database,
  entry: { who: string; action: string; runId: string | null; reason: string | null },
): Promise<void> {
  await tx.query('insert into bridge.audit (who, action, run_id, reason) values ($1, $2, $3, $4)', [
    entry.who,
    entry.action,
    entry.runId,
    entry.reason,
  ]);
}
