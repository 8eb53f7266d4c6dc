import { dirname, join } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';
import { jobLogName } from '../../domain/vocabulary.ts';
import type { Run } from '../../runs/run.ts';
import { workflowNamed } from '../../runs/launch.ts';
import { setJobId } from '../../runs/write-run.ts';
import { hintFileName } from '../../slurm/job-hints.ts';
import { quoteWord } from '../../slurm/quote.ts';
import { sbatchArguments, type Submission } from '../../slurm/sbatch-arguments.ts';
import { requireUploadProgram } from '../upload-program.ts';
import { requireWorkFolder } from '../work-folder.ts';
import { requireStorage } from '../../storage/preflight.ts';
import { variableOf } from '../../workflows/descriptor.ts';
import { parameterNameProblem } from '../../workflows/parameter-names.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { inputFiles, readableInputs } from '../inputs.ts';
import { ensureJobScript } from '../job-script.ts';
import { beginTracking } from '../publish.ts';
import { sendInputs } from '../send-inputs.ts';

/**
 * Brings the input images to the cluster and submits the job. Repeatable: files that are there with the right size are
 * left, and a job of the run's name is found before another one is submitted.
 */
export async function submit(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const { slurm } = ctx.config;
  const workflow = workflowNamed(ctx.config, run.workflow);
  const parameters = parameterEnvironment(run.parameters);
  await beginTracking(ctx, run);
  // Before anything is computed: a run whose results could not be stored would only waste the cluster's time.
  const files = await readableInputs(await inputFiles(ctx, run));
  // Nobody knows how large the results will be; masks of all images, unpacked, are a fair guess.
  const need = { bytes: files.reduce((sum, file) => sum + file.bytes, 0), files: files.length + 10 };
  if (run.recipe === 'get-results') {
    await requireWorkFolder(ctx.config.worker.workDir, need);
    await requireUploadProgram(ctx.config.importer);
  } else await requireStorage(ctx.runs, ctx.config.storage, run.group, { ...need, log: step.log });

  const dataPath = await sendInputs({
    transport: ctx.transport,
    home: slurm.home,
    dataPath: run.dataPath,
    files,
    signal: step.signal,
    progress: (p) => step.progress(p),
  });
  await ensureJobScript(ctx, workflow);
  const { submission } = slurm;
  const push = slurm.push ?? 'off';
  const hintFile = join(dirname(dataPath), hintFileName);
  const job: Submission = {
    name: jobName(run),
    script: workflow.job,
    output: jobLogName('%j'),
    flags: workflow.flags,
    useGpu: workflow.useGpu,
    envFile: submission?.envFile ? `${dataPath}/biomero_job_env.sh` : null,
    hintFile: push === 'both' ? hintFile : null,
    env: {
      ...parameters,
      DATA_PATH: dataPath,
      IMAGE_PATH: join(slurm.imagesPath, workflow.folder ?? workflow.name),
      IMAGE_VERSION: run.workflowVersion,
      SCRIPT_PATH: slurm.scriptPath,
      ...(run.container !== null && { SINGULARITY_IMAGE: run.container }),
      ...(submission?.injectGpuFlag && { GPU_FLAG: workflow.useGpu ? '--nv' : '' }),
      ...(push !== 'off' && { BIOMERO_BRIDGE_ENDED: hintFile }),
      ...(submission?.dataBindPath && { APPTAINER_BINDPATH: submission.dataBindPath }),
    },
  };
  const jobId = await ctx.slurm.submit(job);
  // Before the id: a submission that is repeated finds its job, and what the log has already is not added.
  await ctx.tracker.addResult(run.workflowTaskId, {
    command: commandText(sbatchArguments(job, slurm)),
    env: job.env,
    stdout: String(jobId),
    stderr: '',
  });
  await step.write(async (tx) => setJobId(tx, run.id, jobId));
  await ctx.tracker.addJobId(run.workflowTaskId, jobId);
  step.progress({ detail: `Job ${jobId}` });
  return 'again';
}

/** A command as people read it: only words that a shell would take apart are quoted. */
function commandText(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoteWord(word))).join(' ');
}

/** Unique per run, so that a submission whose answer was lost is found again. */
export function jobName(run: Run): string {
  return `${run.workflow}-${run.id}`;
}

/**
 * Parameters as the upper-case variables that BIOMERO's job scripts read, in Python's spelling of values.
 *
 * @throws PARAMETER_INVALID
 */
export function parameterEnvironment(parameters: Record<string, unknown>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters)) {
    const problem = parameterNameProblem(name);
    if (problem) throw bridgeError('PARAMETER_INVALID', { name, reason: `its name ${problem}` });
    env[variableOf(name)] = pythonText(value);
  }
  return env;
}

function pythonText(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
