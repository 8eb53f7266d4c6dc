import { archiveResults, type Archive } from '../../archive/archive.ts';
import { freeStamp } from '../../archive/layout.ts';
import { isBridgeError } from '../../domain/errors.ts';
import { statuses } from '../../domain/vocabulary.ts';
import type { Run } from '../../runs/run.ts';
import { clearArchivePlace, insertArchive, setArchivePlace, setStatus } from '../../runs/write-run.ts';
import { requireStorage } from '../../storage/preflight.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { beginImportTask } from '../publish.ts';
import { metadataOf } from '../metadata.ts';
import { requireWorkFolder } from '../work-folder.ts';
import { readWholeLog } from '../job-log.ts';

/**
 * Brings the results home. The folder's name is stored first, so every attempt of this import task builds the same
 * archive; one that already stands under its final name is taken as it is.
 */
export async function archive(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const job = run.job;
  if (!job) return 'again';
  await beginImportTask(ctx, run);
  await ctx.tracker.updateStatus(run.taskId, statuses.retrieving);
  const place = run.archivePlace ?? (await choosePlace(ctx, run, step));
  const kept = run.recipe === 'import-results';
  if (kept) await requireStorage(ctx.runs, ctx.config.storage, run.group, { chosen: place.basePath, log: step.log });
  else await requireWorkFolder(place.basePath, { bytes: 0, files: 0 });
  const jobLog = await readWholeLog(ctx.slurm, job.id, step.signal);
  const result = await bringHome(ctx, run, step, job, place, jobLog);
  if (!result) return 'again';
  await step.write((tx) => insertArchive(tx, run.id, run.taskId, result, { kept }));
  step.progress({
    filesDone: result.files.length,
    filesTotal: result.files.length,
    bytesDone: result.bytes,
    bytesTotal: result.bytes,
    detail: kept ? result.path : `${result.files.length} files, to be uploaded`,
  });
  return 'again';
}

/** The archive; null when its name was taken by somebody else, and another one will be chosen. */
async function bringHome(
  ctx: WorkerContext,
  run: Run,
  step: StepHandle,
  job: NonNullable<Run['job']>,
  place: { basePath: string; stamp: string },
  jobLog: Buffer | null,
): Promise<Archive | null> {
  try {
    return await archiveResults({
      transport: ctx.transport,
      dataPath: run.dataPath,
      jobId: job.id,
      basePath: place.basePath,
      workflowId: run.workflowId,
      taskId: run.taskId,
      stamp: place.stamp,
      ...(ctx.config.slurm.transfer ? { settings: ctx.config.slurm.transfer } : {}),
      jobLog,
      modes: run.recipe === 'import-results' ? (ctx.config.storage.modes ?? null) : null,
      metadata: metadataOf(run, await ctx.tracker.resultsOf(run.workflowTaskId)),
      provenance: {
        workflowId: run.workflowId,
        taskId: run.taskId,
        workflow: run.workflow,
        workflowVersion: run.workflowVersion,
        parameters: run.parameters,
        jobId: job.id,
        user: run.user.name,
        group: run.group.name,
        input: run.input,
        startedAt: run.launchedAt,
        endedAt: job.endedAt,
        userId: run.user.id,
        groupId: run.group.id,
        workflowTaskId: run.workflowTaskId,
        repository: webAddress(ctx.config.slurm.workflows[run.workflow]?.repository ?? null),
        container: run.container,
        cluster: ctx.transport.name,
        node: job.node,
      },
      onProgress: (p) =>
        step.progress({ filesDone: p.files, filesTotal: p.filesTotal, bytesDone: p.bytes, bytesTotal: p.bytesTotal }),
      signal: step.signal,
      log: step.log,
    });
  } catch (error) {
    if (!isBridgeError(error, 'ARCHIVE_NAME_TAKEN')) throw error;
    step.log.warn({ stamp: place.stamp }, 'the name of the archive is taken; choosing another one');
    await step.write((tx) => clearArchivePlace(tx, run.id));
    return null;
  }
}

async function choosePlace(
  ctx: WorkerContext,
  run: Run,
  step: StepHandle,
): Promise<{ basePath: string; stamp: string }> {
  const basePath = await homeOf(ctx, run, step);
  const stamp = await freeStamp(basePath, run.workflowId, run.taskId, new Date());
  await step.write(async (tx) => {
    await setArchivePlace(tx, run.id, basePath, stamp);
    await setStatus(tx, run.id, statuses.retrieving);
  });
  return { basePath, stamp };
}

/** The group's folder for good, or this machine's folder for work. */
async function homeOf(ctx: WorkerContext, run: Run, step: StepHandle): Promise<string> {
  if (run.recipe === 'import-results')
    return (await requireStorage(ctx.runs, ctx.config.storage, run.group, { log: step.log })).path;
  const { workDir } = ctx.config.worker;
  await requireWorkFolder(workDir, { bytes: 0, files: 0 });
  return workDir;
}

/** A repository that may also be a path; only an address means anything elsewhere, and not the password in it. */
function webAddress(repository: string | null): string | null {
  if (repository === null || !/^https?:/.test(repository) || !URL.canParse(repository)) return null;
  const url = new URL(repository);
  url.username = '';
  url.password = '';
  return url.href;
}
