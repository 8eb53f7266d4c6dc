import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { v5 as uuidv5 } from 'uuid';
import type { Config } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { statuses, stepNames, type DestinationType } from '../domain/vocabulary.ts';
import type { Pool } from '../lib/database.ts';
import type { OmeroAccess } from '../omero/access.ts';
import { announcedDataPath, verifiedDataPath } from '../slurm/data-path.ts';
import type { JobState, Slurm } from '../slurm/slurm.ts';
import type { Transport } from '../slurm/transport.ts';
import { trackedWorkflow, workflowOfJob, type TrackedJob } from '../tracking/find-job.ts';
import type { Tracker } from '../tracking/tracker.ts';
import type { Delivery } from './delivery.ts';
import { chosenRecipe } from './launch.ts';
import { openRunOfJob, runOfJob, runOfTask } from './read-cluster-data.ts';
import { insertRun, type NewRun } from './write-run.ts';

export interface ImportJobRequest {
  jobId: number;
  /** The workflow run it belongs to; else found by the data path's name or by BIOMERO's log. */
  workflowId: string | null;
  /**
   * The import task that BIOMERO's own orchestrator has added to the workflow, and will complete or fail itself: we then
   * publish only the task's statuses. Null: the import task is ours.
   */
  pythonTaskId: string | null;
  /** Where the images go; else a dataset of their own. */
  destination: { type: DestinationType; id: number } | null;
  /** What is to be done with results beside importing them. */
  delivery: Delivery | null;
  /** In whose name; else as the workflow was started. */
  userName: string | null;
  groupName: string | null;
  /** Remove the job's data from the cluster when archive and import stand. */
  cleanup: boolean;
  /** The job has ended well although Slurm no longer knows it. */
  ended: boolean;
}

export interface ImportJobContext {
  config: Config;
  runs: Pool;
  omero: OmeroAccess;
  slurm: Slurm;
  transport: Transport;
  tracker: Tracker;
}

/** Namespace of runs of jobs without a workflow; never changes. */
const namespace = 'b0f3c5a1-6f5e-5d0c-8a53-2d1c9be04e17';

/** The beginning of a log has the line with the data path; a job that ran twice has it again later. */
const logBytes = 4 * 1024 * 1024;
const uuidText = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

/**
 * Makes a run of a job that somebody else started, perhaps long ago; a worker brings its results home. Where the data
 * are is taken from the job's log and verified against the data root first.
 *
 * @returns the run's id: the workflow's where one is known, of a further import that Python hands over its task's; asked
 *   again for the same task of Python's, the same run
 * @throws JOB_NOT_COMPLETED, JOB_UNKNOWN_HERE, JOB_LOG_MISSING, JOB_DATA_PATH_UNCLEAR, DATA_PATH_REFUSED,
 *   JOB_ALREADY_OURS, JOB_WORKFLOW_UNCLEAR, JOB_OWNER_UNKNOWN, TASK_NOT_TRACKED, INPUT_NOT_FOUND, …
 */
export async function importJob(ctx: ImportJobContext, request: ImportJobRequest): Promise<string> {
  const { jobId } = request;
  const pythonTaskId = request.pythonTaskId?.toLowerCase() ?? null;
  const handed = pythonTaskId === null ? null : await runOfTask(ctx.runs, pythonTaskId);
  if (handed !== null) return handed;
  const recipe = chosenRecipe(ctx.config);
  const state = await stateOfJob(ctx.slurm, request);
  const log = await ctx.slurm.readLog(jobId, 0, logBytes);
  if (!log) throw bridgeError('JOB_LOG_MISSING', { job: jobId });
  const announced = announcedDataPath(jobId, log.bytes.toString('utf8'));
  const dataPath = await verifiedDataPath(ctx.transport, ctx.config.slurm.dataPath, announced);

  const workflowId = await workflowIdOf(ctx, request, dataPath);
  // What Python hands over anew has a task of its own, so only a run that is still at it stands in its way.
  const ours =
    pythonTaskId === null
      ? await runOfJob(ctx.runs, jobId, dataPath, workflowId)
      : await openRunOfJob(ctx.runs, jobId, dataPath);
  if (ours !== null && pythonTaskId !== null && (await runOfTask(ctx.runs, pythonTaskId)) === ours) return ours;
  if (ours !== null) throw bridgeError('JOB_ALREADY_OURS', { job: jobId, run: ours });
  const tracked = await trackedWorkflow(ctx.runs, workflowId, jobId);
  // In a workflow that Python does not know it will not complete anything either.
  if (pythonTaskId !== null && ctx.config.tracking.enabled && !tracked?.taskIds.includes(pythonTaskId))
    throw bridgeError('TASK_NOT_TRACKED', { task: pythonTaskId, workflow: workflowId });
  const owner = await ownerOf(ctx, request, tracked);
  const context = await ctx.omero.as(owner.user, owner.group, async (session) => {
    const wanted = request.destination;
    if (!wanted) return { ...session.context, destination: null };
    const found = await session.findContainer(wanted.type, wanted.id);
    if (!found || found.groupId !== session.context.groupId)
      throw bridgeError('DESTINATION_NOT_FOUND', { ...wanted, group: owner.group, user: owner.user });
    return { ...session.context, destination: { ...wanted, name: found.name } };
  });

  const workflow = tracked?.task?.name ?? tracked?.workflow.name ?? `job-${jobId}`;
  const workflowTaskId = tracked?.task?.id ?? randomUUID();
  const version = tracked?.task?.version ?? 'unknown';
  const parameters = tracked?.task?.parameters ?? {};
  if (!tracked && pythonTaskId === null)
    await ctx.tracker.initiateWorkflow({
      id: workflowId,
      name: workflow,
      description: `Results of Slurm job ${jobId}`,
      user: context.userId,
      group: context.groupId,
    });
  if (!tracked?.task && pythonTaskId === null) {
    const task = {
      workflowId,
      taskId: workflowTaskId,
      name: workflow,
      version,
      inputData: dataPath,
      params: parameters,
    };
    await ctx.tracker.addTask(task);
    await ctx.tracker.startTask(workflowTaskId);
    await ctx.tracker.addJobId(workflowTaskId, jobId);
  }
  const run: Omit<NewRun, 'id'> = {
    workflowId,
    taskId: pythonTaskId ?? randomUUID(),
    workflowTaskId,
    workflow,
    workflowVersion: version,
    parameters,
    recipe,
    orchestratedBy: pythonTaskId === null ? 'bridge' : 'python',
    user: { id: context.userId, name: context.userName },
    group: { id: context.groupId, name: context.groupName },
    input: null,
    destination: context.destination,
    dataPath,
    job: { id: jobId, word: state.word, exit: state.exit, node: state.node, endedAt: state.endedAt },
    cleanup: request.cleanup,
    delivery: request.delivery,
    status: statuses.running,
  };
  // The first run of a workflow bears its id; the workflow may hand over further imports.
  for (const id of pythonTaskId === null ? [workflowId] : [workflowId, pythonTaskId])
    if (await insertRun(ctx.runs, { ...run, id }, stepNames)) return id;
  return (pythonTaskId === null ? null : await runOfTask(ctx.runs, pythonTaskId)) ?? workflowId;
}

/** The job as it is recorded; one that has not ended is followed to its end. */
async function stateOfJob(slurm: Slurm, request: ImportJobRequest): Promise<JobState> {
  const { jobId } = request;
  const state = (await slurm.observe([jobId])).get(jobId);
  if (!state || state.phase === 'unknown') {
    if (!request.ended) throw bridgeError('JOB_UNKNOWN_HERE', { job: jobId });
    return { ...(state as JobState), word: 'COMPLETED', phase: 'succeeded', terminal: true, endedAt: new Date() };
  }
  if (state.terminal && state.phase !== 'succeeded')
    throw bridgeError('JOB_NOT_COMPLETED', { job: jobId, state: state.word });
  return state.terminal ? { ...state, endedAt: state.endedAt ?? new Date() } : { ...state, endedAt: null };
}

async function workflowIdOf(ctx: ImportJobContext, request: ImportJobRequest, dataPath: string): Promise<string> {
  const given = request.workflowId?.toLowerCase() ?? null;
  const named = uuidText.exec(basename(dataPath))?.[0].toLowerCase() ?? null;
  if (given !== null && named !== null && given !== named)
    throw bridgeError('JOB_WORKFLOW_UNCLEAR', { job: request.jobId, given, found: named });
  return given ?? named ?? (await workflowOfJob(ctx.runs, request.jobId)) ?? ownId(ctx.config, request.jobId, dataPath);
}

/** Nobody has given the workflow an id: the same one at every try, so that two at once make one run. */
function ownId(config: Config, jobId: number, dataPath: string): string {
  return uuidv5(`${config.slurm.host}/${jobId}/${dataPath}`, namespace);
}

/** Login name and group: those asked for, else those of the workflow. */
async function ownerOf(
  ctx: ImportJobContext,
  request: ImportJobRequest,
  tracked: TrackedJob | null,
): Promise<{ user: string; group: string }> {
  const session = await ctx.omero.admin();
  const user = request.userName ?? (tracked ? await session.userName(tracked.workflow.user) : null);
  const group = request.groupName ?? (tracked ? await session.groupName(tracked.workflow.group) : null);
  if (user === null || group === null) throw bridgeError('JOB_OWNER_UNKNOWN', { job: request.jobId });
  return { user, group };
}
