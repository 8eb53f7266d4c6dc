import { bridgeError } from '../../domain/errors.ts';
import { statuses } from '../../domain/vocabulary.ts';
import type { Run } from '../../runs/run.ts';
import { setAttention, setJobState, setStatus } from '../../runs/write-run.ts';
import type { JobState } from '../../slurm/slurm.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { beginImportTask } from '../publish.ts';

/** Slurm may lag behind for some seconds after a submission; only after this long is its silence worth a word. */
const silenceMs = 120_000;

/** Waits for the next look at the job and records what changed. Ends when the job has ended well. */
export async function follow(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  if (!run.job) return 'again';
  const state = await ctx.jobs.next(run.job.id, step.signal);
  if (state.phase === 'unknown') return await stillUnknown(run, step, state);
  const ended = state.terminal ? (state.endedAt ?? new Date()) : null;
  if (state.word !== run.job.state || state.terminal || run.attention) {
    await ctx.tracker.updateStatus(run.workflowTaskId, state.word);
    if (state.phase === 'succeeded') await beginImportTask(ctx, run);
    await step.write(async (tx) => {
      await setJobState(tx, run.id, { word: state.word, exit: state.exit, node: state.node, endedAt: ended });
      await setStatus(tx, run.id, state.phase === 'succeeded' ? statuses.running : `JOB_${state.word}`);
      await setAttention(tx, run.id, null);
    });
  }
  step.progress({ detail: jobSentence(state) });
  if (state.terminal && state.phase !== 'succeeded')
    throw bridgeError('JOB_FAILED', { job: state.jobId, state: state.word, exit: state.exit ?? 'unknown' });
  return 'again';
}

async function stillUnknown(run: Run, step: StepHandle, state: JobState): Promise<StepOutcome> {
  if (Date.now() - run.updatedAt.getTime() > silenceMs && run.attention?.code !== 'JOB_UNKNOWN') {
    const error = bridgeError('JOB_UNKNOWN', { job: state.jobId });
    await step.write((tx) => setAttention(tx, run.id, { code: error.code, detail: error.message }));
  }
  return 'again';
}

function jobSentence(state: JobState): string {
  const where = state.node ? ` on ${state.node}` : '';
  const why = state.reason && state.reason !== 'None' ? ` (${state.reason})` : '';
  const exit = state.terminal && state.exit ? `, exit ${state.exit}` : '';
  return `Job ${state.jobId} ${state.word.toLowerCase()}${where}${why}${exit}`;
}
