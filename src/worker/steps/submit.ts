import { constants } from 'node:fs';
import { copyFile, mkdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { bridgeError, describeError } from '../../domain/errors.ts';
import { syncFolder } from '../../lib/sync-folder.ts';
import type { Run } from '../../runs/run.ts';
import { setJobId } from '../../runs/write-run.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { beginTracking } from '../publish.ts';

/**
 * Brings the input images to the cluster and submits the job. Repeatable: files that are there with the right size are
 * left, and a job of the run's name is found before another one is submitted.
 */
export async function submit(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const { slurm } = ctx.config;
  if (slurm.transport !== 'local' || slurm.home === null) throw bridgeError('INPUT_NEEDS_SHARED_CLUSTER', {});
  const workflow = slurm.workflows[run.workflow];
  if (!workflow)
    throw bridgeError('WORKFLOW_UNKNOWN', {
      workflow: run.workflow,
      known: Object.keys(slurm.workflows).join(', ') || 'none',
    });
  await beginTracking(ctx, run);

  const dataPath = resolve(slurm.home, run.dataPath);
  const inFolder = join(dataPath, 'data', 'in');
  for (const name of ['in', 'out', 'gt']) await mkdir(join(dataPath, 'data', name), { recursive: true });
  const inputs = await inputFiles(ctx, run);
  step.progress({ filesTotal: inputs.length, filesDone: 0 });
  let bytes = 0;
  for (const [index, input] of inputs.entries()) {
    step.signal.throwIfAborted();
    bytes += await stage(input.source, join(inFolder, input.name), input.image);
    step.progress({ filesDone: index + 1, bytesDone: bytes, detail: input.name });
  }
  await syncFolder(inFolder);

  const jobId = await ctx.slurm.submit({
    name: jobName(run),
    script: workflow.job,
    output: 'omero-%j.log',
    flags: workflow.flags,
    env: {
      DATA_PATH: dataPath,
      IMAGE_PATH: join(slurm.imagesPath, workflow.folder ?? workflow.name),
      IMAGE_VERSION: run.workflowVersion,
      SCRIPT_PATH: slurm.scriptPath,
      ...parameterEnvironment(run.parameters),
    },
  });
  await step.write(async (tx) => setJobId(tx, run.id, jobId));
  await ctx.tracker.addJobId(run.workflowTaskId, jobId);
  step.progress({ detail: `Job ${jobId}` });
  return 'again';
}

/** Unique per run, so that a submission whose answer was lost is found again. */
export function jobName(run: Run): string {
  return `${run.workflow}-${run.id}`;
}

/** Parameters as the upper-case variables that BIOMERO's job scripts read, in Python's spelling of values. */
export function parameterEnvironment(parameters: Record<string, unknown>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters)) env[name.toUpperCase()] = pythonText(value);
  return env;
}

function pythonText(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The stored file of every input image, each once, under a name of its own. */
async function inputFiles(ctx: WorkerContext, run: Run): Promise<{ image: number; source: string; name: string }[]> {
  if (!run.input) return [];
  const input = run.input;
  const { files, repository } = await ctx.omero.as(run.user.name, run.group.name, async (session) => {
    const images = await session.imagesIn(input.id);
    return {
      files: await session.storedFilesOf(images.map((i) => i.id)),
      repository: await session.managedRepositoryPath(),
    };
  });
  const bySource = new Map<string, { image: number; source: string; name: string }>();
  const names = new Set<string>();
  for (const file of files) {
    const source = join(repository, file.path, basename(file.name));
    if (bySource.has(source)) continue;
    // Two images of a dataset may come from files of one name: the image's id then tells them apart.
    const plain = basename(file.name);
    const name = names.has(plain) ? `${file.imageId}_${plain}` : plain;
    names.add(name);
    bySource.set(source, { image: file.imageId, source, name });
  }
  if (!bySource.size) throw bridgeError('INPUT_EMPTY', { id: input.id, name: input.name });
  return [...bySource.values()];
}

/** Copies one file unless it is there with the right size; returns its bytes. */
async function stage(source: string, target: string, image: number): Promise<number> {
  try {
    const real = await realpath(source);
    const { size } = await stat(real);
    const there = await stat(target).catch(() => null);
    if (there?.size !== size) await copyFile(real, target, constants.COPYFILE_FICLONE);
    return size;
  } catch (error) {
    throw bridgeError('INPUT_FILE_MISSING', { image, path: source, reason: describeError(error) }, { cause: error });
  }
}
