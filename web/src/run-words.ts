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

export function runWord(run: Pick<RunSummary, 'state' | 'status' | 'imagesFound' | 'imagesTotal'>): RunWord {
  switch (run.state) {
    case 'done':
      return { tone: 'ok', icon: 'done', word: 'Done' };
    case 'attention':
      return { tone: 'warn', icon: 'warn', word: 'Waiting' };
    case 'failed':
      if (run.imagesFound > 0) return { tone: 'warn', icon: 'part', word: 'Partly imported' };
      return { tone: 'fail', icon: 'fail', word: failedWord(run.status) };
    case 'running':
      if (run.status === 'JOB_PENDING') return { tone: 'idle', icon: 'wait', word: 'In Slurm queue' };
      return { tone: 'run', icon: 'run', word: runningWords[run.status] ?? 'In progress' };
  }
}

function failedWord(status: string): string {
  if (status === 'IMPORT_FAILED') return 'Import failed';
  if (status === 'JOB_CANCELLED') return 'Job cancelled';
  return status.startsWith('JOB_') ? 'Job failed' : 'Failed';
}

export type RunGroup = 'attention' | 'progress' | 'finished';

/** Where a run stands in the list: what needs someone comes first. */
export function groupOf(run: Pick<RunSummary, 'state'>): RunGroup {
  if (run.state === 'done') return 'finished';
  return run.state === 'running' ? 'progress' : 'attention';
}

const before: ReadonlySet<string> = new Set(['INITIALIZING', 'TRANSFERRING', 'JOB_PENDING', 'JOB_CONFIGURING']);

/** Whether the job may have written anything: asking for a log before that is in vain. */
export function hasBegun(status: string): boolean {
  return !before.has(status);
}
