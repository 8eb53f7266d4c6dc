/**
 * What Slurm's state words mean to us, as data. A word that is not in the table is `unknown` and not an end: a newer
 * Slurm may know words that we do not, and a job is never called failed for that.
 */
export type JobPhase =
  'queued' | 'starting' | 'running' | 'finishing' | 'paused' | 'succeeded' | 'failed' | 'cancelled' | 'unknown';

export interface JobMeaning {
  phase: JobPhase;
  /** True when the job cannot change any more. */
  terminal: boolean;
}

const live = (phase: JobPhase): JobMeaning => ({ phase, terminal: false });
const ended = (phase: JobPhase): JobMeaning => ({ phase, terminal: true });

const meanings: Readonly<Record<string, JobMeaning>> = {
  PENDING: live('queued'),
  REQUEUED: live('queued'),
  REQUEUE_FED: live('queued'),
  REQUEUE_HOLD: live('queued'),
  SPECIAL_EXIT: live('queued'),
  RESV_DEL_HOLD: live('queued'),
  CONFIGURING: live('starting'),
  POWER_UP_NODE: live('starting'),
  RUNNING: live('running'),
  RESIZING: live('running'),
  SIGNALING: live('running'),
  STAGE_OUT: live('running'),
  STOPPED: live('running'),
  COMPLETING: live('finishing'),
  SUSPENDED: live('paused'),
  COMPLETED: ended('succeeded'),
  FAILED: ended('failed'),
  TIMEOUT: ended('failed'),
  OUT_OF_MEMORY: ended('failed'),
  DEADLINE: ended('failed'),
  NODE_FAIL: ended('failed'),
  PREEMPTED: ended('failed'),
  BOOT_FAIL: ended('failed'),
  LAUNCH_FAILED: ended('failed'),
  RECONFIG_FAIL: ended('failed'),
  CANCELLED: ended('cancelled'),
  // Another cluster of the federation took the job over; it will not go on under this id here.
  REVOKED: ended('cancelled'),
};

/** Slurm's own word: the first of a text such as `CANCELLED by 1001`; fixed-width output marks a cut with `+`. */
export function stateWord(text: string): string {
  return (text.trim().split(/\s+/)[0] ?? '').replace(/\+$/, '');
}

export function meaningOf(word: string): JobMeaning {
  return Object.hasOwn(meanings, word) ? (meanings[word] ?? live('unknown')) : live('unknown');
}

/** The phase of a state text of Slurm's, such as `CANCELLED by 1001`. */
export function jobPhaseOfWord(text: string): JobPhase {
  return meaningOf(stateWord(text)).phase;
}
