import { statuses } from '../domain/vocabulary.ts';
import type { BridgeError } from '../domain/errors.ts';
import type { Run } from '../runs/run.ts';
import type { WorkerContext } from './context.ts';
import { importTaskOf } from './import-task.ts';

/*
 * What BIOMERO's log is told of our runs. Every command is idempotent, so a repeated step adds no event; the log is
 * written after our own row, and a crash between the two is mended by the repeat. Of a run that Python orchestrates only
 * statuses of the import task are told: everything else there is written by Python itself.
 */

/** The workflow run and its analysis task. */
export async function beginTracking(ctx: WorkerContext, run: Run): Promise<void> {
  if (run.orchestratedBy === 'python') return;
  await ctx.tracker.initiateWorkflow({
    id: run.workflowId,
    name: run.workflow,
    description: `${run.workflow} ${run.workflowVersion} on ${inputText(run)}`,
    user: run.user.id,
    group: run.group.id,
  });
  await ctx.tracker.addTask({
    workflowId: run.workflowId,
    taskId: run.workflowTaskId,
    name: run.workflow,
    version: run.workflowVersion,
    inputData: run.dataPath,
    params: run.parameters,
  });
  await ctx.tracker.startWorkflow(run.workflowId);
  await ctx.tracker.startTask(run.workflowTaskId);
}

/** The job ended well: the analysis task is complete and the import task begins. */
export async function beginImportTask(ctx: WorkerContext, run: Run): Promise<void> {
  if (run.orchestratedBy === 'python') return;
  await ctx.tracker.completeTask(run.workflowTaskId, 'COMPLETED');
  await ctx.tracker.addTask({
    workflowId: run.workflowId,
    taskId: run.taskId,
    ...importTaskOf(run),
  });
  await ctx.tracker.startTask(run.taskId);
}

/** State and progress of the job, which the analysis task has. */
export async function publishJob(
  ctx: WorkerContext,
  run: Run,
  word: string | null,
  progress: string | null,
): Promise<void> {
  if (run.orchestratedBy === 'python') return;
  if (word !== null) await ctx.tracker.updateStatus(run.workflowTaskId, word);
  if (progress !== null) await ctx.tracker.updateProgress(run.workflowTaskId, progress);
}

export async function publishStatus(ctx: WorkerContext, run: Run, status: string): Promise<void> {
  await ctx.tracker.updateStatus(run.taskId, status);
}

export async function publishDone(ctx: WorkerContext, run: Run, result: string): Promise<void> {
  if (run.orchestratedBy === 'python') return;
  await ctx.tracker.completeTask(run.taskId, result);
  await ctx.tracker.completeWorkflow(run.workflowId);
}

/**
 * A job that failed fails the workflow. A failed import leaves `IMPORT_FAILED` as the last word: a WorkflowFailed event
 * would overwrite it in the progress view.
 */
export async function publishFailure(ctx: WorkerContext, run: Run, error: BridgeError): Promise<string> {
  if (run.orchestratedBy === 'python') {
    await publishStatus(ctx, run, statuses.importFailed);
    return statuses.importFailed;
  }
  if (run.job?.endedAt == null || error.code === 'JOB_FAILED') {
    await ctx.tracker.failTask(run.workflowTaskId, error.message);
    await ctx.tracker.failWorkflow(run.workflowId, error.message);
    return statuses.failed;
  }
  await ctx.tracker.updateStatus(run.taskId, statuses.importFailed);
  await ctx.tracker.failTask(run.taskId, error.message);
  return statuses.importFailed;
}

/** Given up: from now on the workflow has failed for every reader of the log, whatever was said before. */
export async function publishAbandoned(ctx: WorkerContext, run: Run, error: BridgeError): Promise<void> {
  if (run.orchestratedBy === 'python') return await publishStatus(ctx, run, statuses.importFailed);
  const task = run.job?.endedAt == null ? run.workflowTaskId : run.taskId;
  await ctx.tracker.failTask(task, error.message);
  await ctx.tracker.failWorkflow(run.workflowId, error.message);
}

function inputText(run: Run): string {
  return run.input ? `${run.input.type} ${run.input.id}` : 'no input';
}
