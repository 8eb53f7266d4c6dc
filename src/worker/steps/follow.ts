import { bridgeError, describeError, isBridgeError } from '../../domain/errors.ts';
import { statuses } from '../../domain/vocabulary.ts';
import type { Run } from '../../runs/run.ts';
import { setAttention, setJobState, setStatus } from '../../runs/write-run.ts';
import { meaningOf, waitingSentence } from '../../slurm/job-states.ts';
import type { JobLook } from '../job-watch.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { beginImportTask, publishJob } from '../publish.ts';

/** Follows the job and records what changes, until it has ended well. @throws JOB_FAILED */
export async function follow(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  if (!run.job) return 'again';
  let recorded = run.job.state;
  let attention = run.attention?.code ?? null;
  let seen: string | null = null;
  for (;;) {
    const look: JobLook = await ctx.jobs.changed(run.job.id, seen, step.signal);
    seen = look.key;
    const wanted = attentionOf(run.job.id, look);
    if (wanted?.code !== attention) {
      await step.write((tx) => setAttention(tx, run.id, wanted));
      attention = wanted?.code ?? null;
    }
    const { state } = look;
    if (look.trouble || state.phase === 'unknown') continue;
    if (state.word !== recorded || state.terminal) {
      await publishJob(ctx, run, state.word, null);
      if (state.phase === 'succeeded') await beginImportTask(ctx, run);
      const endedAt = state.terminal ? (state.endedAt ?? new Date()) : null;
      await step.write(async (tx) => {
        await setJobState(tx, run.id, { word: state.word, exit: state.exit, node: state.node, endedAt });
        await setStatus(tx, run.id, state.phase === 'succeeded' ? statuses.running : `JOB_${state.word}`);
      });
      recorded = state.word;
    }
    if (look.progress !== null && state.phase === 'running') await publishJob(ctx, run, null, look.progress);
    step.progress({ detail: jobSentence(look) });
    if (!state.terminal) continue;
    if (state.phase === 'succeeded') return 'again';
    const { what, advice } = meaningOf(state.word);
    throw bridgeError('JOB_FAILED', {
      job: state.jobId,
      state: state.word,
      exit: state.exit ?? 'unknown',
      what,
      advice,
      path: run.dataPath,
    });
  }
}

/** What a person must know of while the job is waited for; null when all goes well. */
function attentionOf(jobId: number, look: JobLook): { code: string; detail: string } | null {
  if (look.trouble) {
    const { error, since } = look.trouble;
    const code = isBridgeError(error) ? error.code : 'SLURM_UNAVAILABLE';
    return { code, detail: `${describeError(error)} Cluster unreachable since ${since.toISOString()}.` };
  }
  if (look.lost) {
    const error = bridgeError('JOB_UNKNOWN', { job: jobId });
    return { code: error.code, detail: error.message };
  }
  const stuck = waitingSentence(look.state.word, look.state.reason);
  return stuck === null
    ? null
    : { code: 'JOB_STUCK', detail: bridgeError('JOB_STUCK', { job: jobId, why: stuck }).message };
}

function jobSentence({ state, progress }: JobLook): string {
  const where = state.node ? ` on ${state.node}` : '';
  const why = state.reason && state.reason !== 'None' ? ` (${state.reason})` : '';
  const exit = state.terminal && state.exit ? `, exit ${state.exit}` : '';
  const far = progress !== null && !state.terminal ? `, ${progress}` : '';
  return `Job ${state.jobId} ${state.word.toLowerCase()}${where}${why}${exit}${far}`;
}
