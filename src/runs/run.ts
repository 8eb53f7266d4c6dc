import type { QueryResultRow } from 'pg';
import type { DestinationType, Recipe, StepName } from '../domain/vocabulary.ts';
import type { Delivered, Delivery } from './delivery.ts';
import type { Fixer } from '../domain/errors/define.ts';

/** A workflow run that we own: a row of `bridge.runs`. */
export interface Run {
  /** The workflow's uuid; of a further import of the same workflow the uuid of its import task. */
  id: string;
  /** As in BIOMERO's log. */
  workflowId: string;
  /** The import task. */
  taskId: string;
  /** The analysis task, which has the Slurm job. */
  workflowTaskId: string;
  workflow: string;
  workflowVersion: string;
  parameters: Record<string, unknown>;
  recipe: Recipe;
  /** Who starts, completes and fails the workflow and its tasks in BIOMERO's log; of `python` we publish only statuses. */
  orchestratedBy: Orchestrator;
  user: { id: number; name: string };
  /** The active group at launch. */
  group: { id: number; name: string };
  input: { type: DestinationType; id: number; name: string } | null;
  /** Some images of the input; null: all of them. */
  inputImages: number[] | null;
  destination: { type: DestinationType; id: number; name: string } | null;
  /** The job's data folder on the cluster. */
  dataPath: string;
  /** File name of the container image; null: the job's script knows it. */
  container: string | null;
  /** What becomes of the data on the cluster once the run is done, and why it is as it is. */
  clusterData: { state: 'keep' | 'remove' | 'removed'; detail: string | null };
  job: { id: number; state: string | null; exit: string | null; node: string | null; endedAt: Date | null } | null;
  /** Group folder and timestamp of the archive, stored before staging begins. */
  archivePlace: { basePath: string; stamp: string } | null;
  /** What is to be done with results beside importing them, and what became of it. */
  delivery: Delivery | null;
  delivered: Delivered | null;
  imagesConfirmedAt: Date | null;
  annotatedAt: Date | null;
  launchedAt: Date;
  endedAt: Date | null;
  outcome: 'done' | 'failed' | null;
  status: string;
  attention: { code: string; detail: string } | null;
  failure: RunFailure | null;
  /** Somebody gave the run up. */
  abandoned: { by: string; reason: string } | null;
  revision: number;
  updatedAt: Date;
}

/** `bridge`: this product; `python`: BIOMERO's own orchestrator, which handed us its import task. */
export type Orchestrator = 'bridge' | 'python';

export interface RunFailure {
  step: StepName;
  code: string;
  message: string;
  remedy: string;
  who: Fixer;
  retryable: boolean;
  at: Date;
}

/**
 * A job that failed is not run again under its old run: that would be another job with other results. A run that was
 * given up has told so to everybody who waited for it.
 */
export function mayBeRepeated(failure: { step: StepName; code: string }): boolean {
  return failure.step !== 'follow' && failure.step !== 'submit' && failure.code !== 'RUN_ABANDONED';
}

/** Reads a row of `bridge.runs`. */
export function runFromRow(row: QueryResultRow): Run {
  return {
    id: row.id,
    workflowId: row.workflow_id ?? row.id,
    taskId: row.task_id,
    workflowTaskId: row.workflow_task_id,
    workflow: row.workflow,
    workflowVersion: row.workflow_version,
    parameters: row.parameters,
    recipe: row.recipe,
    orchestratedBy: row.orchestrated_by,
    user: { id: row.user_id, name: row.user_name },
    group: { id: row.group_id, name: row.group_name },
    inputImages: row.input_images?.map(Number) ?? null,
    input: row.input_id === null ? null : { type: row.input_type, id: row.input_id, name: row.input_name },
    destination:
      row.destination_id === null
        ? null
        : { type: row.destination_type, id: row.destination_id, name: row.destination_name },
    dataPath: row.data_path,
    container: row.container,
    clusterData: { state: row.cluster_data, detail: row.cluster_data_detail },
    job:
      row.job_id === null
        ? null
        : {
            id: row.job_id,
            state: row.job_state,
            exit: row.job_exit,
            node: row.job_node,
            endedAt: row.job_ended_at,
          },
    archivePlace: row.base_path === null ? null : { basePath: row.base_path, stamp: row.archive_stamp },
    // Older runs have been asked for no ROIs.
    delivery: row.delivery ? { rois: null, ...row.delivery } : null,
    delivered: row.delivered ? { rois: 0, ...row.delivered } : null,
    imagesConfirmedAt: row.images_confirmed_at,
    annotatedAt: row.annotated_at,
    launchedAt: row.launched_at,
    endedAt: row.ended_at,
    outcome: row.outcome,
    status: row.status,
    attention: row.attention === null ? null : { code: row.attention, detail: row.attention_detail ?? '' },
    failure:
      row.error_code === null
        ? null
        : {
            step: row.failed_step,
            code: row.error_code,
            message: row.error_message,
            remedy: row.error_remedy,
            who: row.error_who,
            retryable: row.error_retryable,
            at: row.failed_at,
          },
    abandoned: row.abandoned_at === null ? null : { by: row.abandoned_by, reason: row.abandoned_reason },
    revision: row.revision,
    updatedAt: row.updated_at,
  };
}
