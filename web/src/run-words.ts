import type { StepName } from '../../src/domain/vocabulary.ts';
import type { RunSummary } from '../../src/runs/view.ts';
import type { IconName } from './icon.tsx';

export type Tone = 'ok' | 'run' | 'warn' | 'fail' | 'idle';

/** What a run is doing, as one or two words with a sign of their own. */
export interface RunWord {
  tone: Tone;
  icon: IconName;
  word: string;
}

const runningWords: Record<string, string> = {
  INITIALIZING: 'Starting',
  TRANSFERRING: 'Sending images',
  JOB_RUNNING: 'Job running',
  JOB_COMPLETING: 'Job ending',
  RUNNING: 'Job ended',
  RETRIEVING: 'Archiving',
  IMPORTING: 'Importing',
  IMPORTED: 'Annotating',
};

export function runWord(run: Pick<RunSummary, 'state' | 'status' | 'imagesFound' | 'steps'>): RunWord {
  switch (run.state) {
    case 'done':
      return { tone: 'ok', icon: 'done', word: 'Done' };
    case 'attention':
      return { tone: 'warn', icon: 'warn', word: 'Waiting' };
    case 'failed':
      if (run.imagesFound > 0) return { tone: 'warn', icon: 'part', word: 'Partly imported' };
      return { tone: 'fail', icon: 'fail', word: failedWord(run) };
    case 'given-up':
      return { tone: 'idle', icon: 'cancel', word: 'Given up' };
    case 'running':
      if (run.status === 'JOB_PENDING') return { tone: 'idle', icon: 'wait', word: 'In Slurm queue' };
      return { tone: 'run', icon: 'run', word: runningWords[run.status] ?? 'In progress' };
  }
}

const failedWords: Record<StepName, string> = {
  submit: 'Not started',
  follow: 'Job failed',
  archive: 'Archive failed',
  order: 'Order failed',
  import: 'Import failed',
  annotate: 'Annotation failed',
};

/** BIOMERO's status knows a failed import alone, whichever step it was. */
function failedWord({ status, steps }: Pick<RunSummary, 'status' | 'steps'>): string {
  if (status === 'JOB_CANCELLED') return 'Job cancelled';
  const step = steps.find((s) => s.state === 'failed');
  return step ? failedWords[step.name] : 'Failed';
}

/** Whether it has ended without all of its results. */
export function hasFailed({ state }: Pick<RunSummary, 'state'>): boolean {
  return state === 'failed' || state === 'given-up';
}

export type RunGroup = 'attention' | 'progress' | 'finished';

/** Where a run stands in the list: what needs someone comes first. */
export function groupOf(run: Pick<RunSummary, 'state'>): RunGroup {
  if (run.state === 'done' || run.state === 'given-up') return 'finished';
  return run.state === 'running' ? 'progress' : 'attention';
}

const before: ReadonlySet<string> = new Set(['INITIALIZING', 'TRANSFERRING', 'JOB_PENDING', 'JOB_CONFIGURING']);

/** Whether the job may have written anything: asking for a log before that is in vain. */
export function hasBegun(status: string): boolean {
  return !before.has(status);
}
