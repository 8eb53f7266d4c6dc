import { meaningOf, type JobPhase } from './job-states.ts';
import { rowsOf, type JobRow } from './queue.ts';

/** A job as it was seen at one look. */
export interface JobState {
  jobId: number;
  /** Slurm's own word, such as RUNNING or OUT_OF_MEMORY; empty when Slurm told nothing of the job. */
  word: string;
  phase: JobPhase;
  /** `exit code:signal`, once the job has ended. */
  exit: string | null;
  reason: string | null;
  node: string | null;
  startedAt: Date | null;
  endedAt: Date | null;
  /** True when the job cannot change any more. */
  terminal: boolean;
}

/**
 * One job's state from what the queue and the accounting said of it. The queue knows first and forgets ended jobs after
 * minutes; the accounting lags by seconds and keeps the exit code. So the queue decides while it names the job, and the
 * accounting adds the end. A job that neither names is unknown, never failed: the accounting may just lag.
 */
export function jobState(jobId: number, queue: readonly JobRow[], accounting: readonly JobRow[]): JobState {
  const queued = rowsOf(jobId, queue);
  const accounted = rowsOf(jobId, accounting);
  if (queued.length === 0) return combine(jobId, accounted);
  if (queued.some((row) => !meaningOf(row.word).terminal)) return combine(jobId, queued);
  // Every part has ended in the queue: the accounting's rows are better once it has them all and agrees.
  const complete = accounted.length >= queued.length && accounted.every((row) => meaningOf(row.word).terminal);
  return combine(jobId, complete ? accounted : queued);
}

/** How alive a phase is: an array is as alive as its most alive task, and as bad as its worst once all have ended. */
const order: readonly JobPhase[] = [
  'running',
  'finishing',
  'starting',
  'paused',
  'queued',
  'unknown',
  'failed',
  'cancelled',
  'succeeded',
];

function combine(jobId: number, rows: readonly JobRow[]): JobState {
  const rank = (row: JobRow): number => order.indexOf(meaningOf(row.word).phase);
  const [speaks] = [...rows].sort((a, b) => rank(a) - rank(b));
  if (!speaks) return unknownState(jobId);
  const { phase, terminal } = meaningOf(speaks.word);
  const starts = rows.flatMap((row) => (row.startedAt ? [row.startedAt.getTime()] : []));
  const ends = rows.flatMap((row) => (row.endedAt ? [row.endedAt.getTime()] : []));
  const hasStarted = terminal || !['queued', 'unknown'].includes(phase);
  return {
    jobId,
    word: speaks.word,
    phase,
    exit: terminal ? speaks.exit : null,
    reason: speaks.reason,
    node: speaks.node,
    // For a waiting job Slurm tells when it expects the start, and for a running one when its time is up.
    startedAt: hasStarted && starts.length ? new Date(Math.min(...starts)) : null,
    endedAt: terminal && ends.length ? new Date(Math.max(...ends)) : null,
    terminal,
  };
}

/** Slurm told nothing of the job. */
export function unknownState(jobId: number): JobState {
  return {
    jobId,
    word: '',
    phase: 'unknown',
    exit: null,
    reason: null,
    node: null,
    startedAt: null,
    endedAt: null,
    terminal: false,
  };
}
