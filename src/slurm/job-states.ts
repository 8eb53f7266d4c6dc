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
  /** Of an end that is not a success: what happened, as the middle of a sentence, and what to do. */
  what: string;
  advice: string;
}

const live = (phase: JobPhase): JobMeaning => ({ phase, terminal: false, what: '', advice: '' });
const ended = (phase: JobPhase, what = '', advice = ''): JobMeaning => ({ phase, terminal: true, what, advice });
const again = 'Start the workflow again; if it happens again, tell the admin of the cluster.';

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
  FAILED: ended(
    'failed',
    'the program ended with an error',
    "Read the job's log for the cause; then start the workflow again.",
  ),
  TIMEOUT: ended(
    'failed',
    'it needed more time than it was allowed, and Slurm ended it',
    'Ask the admin for a longer time limit of this workflow (<workflow>_job_time), or analyse fewer images at once.',
  ),
  OUT_OF_MEMORY: ended(
    'failed',
    'it needed more memory than it was given, and was ended',
    'Ask the admin for more memory for this workflow (<workflow>_job_mem), or analyse smaller images.',
  ),
  DEADLINE: ended(
    'failed',
    'it could not be done before its deadline',
    'Ask the admin about the deadline of this workflow (<workflow>_job_deadline).',
  ),
  NODE_FAIL: ended('failed', 'the machine that it ran on broke down', again),
  PREEMPTED: ended(
    'failed',
    'it had to make room for a more urgent job',
    'Start the workflow again, at a quieter time; or ask the admin for a partition whose jobs are not preempted.',
  ),
  BOOT_FAIL: ended('failed', 'the machine that it was to run on did not start', again),
  LAUNCH_FAILED: ended('failed', 'Slurm could not start it', again),
  RECONFIG_FAIL: ended('failed', 'the machine that it was to run on could not be prepared', again),
  CANCELLED: ended(
    'cancelled',
    'somebody cancelled it: its user, or an admin of the cluster',
    'If you did not cancel it, ask the admin of the cluster; otherwise start the workflow again.',
  ),
  // Another cluster of the federation took the job over; it will not go on under this id here.
  REVOKED: ended('cancelled', 'another cluster of the federation took it over', again),
};

/** Ends after which Slurm puts a job back into the queue by itself, under the same id, where its site or its user says so. */
export function mayBeRequeued(word: string): boolean {
  return word === 'NODE_FAIL' || word === 'PREEMPTED' || word === 'BOOT_FAIL';
}

/** Slurm's own word: the first of a text such as `CANCELLED by 1001`; fixed-width output marks a cut with `+`. */
export function stateWord(text: string): string {
  return (text.trim().split(/\s+/)[0] ?? '').replace(/\+$/, '');
}

export function meaningOf(word: string): JobMeaning {
  return Object.hasOwn(meanings, word) ? (meanings[word] ?? live('unknown')) : live('unknown');
}

/** Why a job may wait for ever unless a person does something; null when it just waits its turn. */
export function waitingSentence(word: string, reason: string | null): string | null {
  if (word === 'REQUEUE_HOLD' || word === 'SPECIAL_EXIT')
    return 'it failed and was put back into the queue on hold; somebody must release it (scontrol release)';
  if (word !== 'PENDING' || reason === null) return null;
  // `launch failed requeued held` in the queue, with underscores from scontrol.
  if (/requeued[ _](in[ _])?held/i.test(reason))
    return 'it could not be started, and Slurm put it back on hold; somebody must release it (scontrol release)';
  return Object.hasOwn(stuckReasons, reason) ? (stuckReasons[reason] ?? null) : null;
}

const stuckReasons: Readonly<Record<string, string>> = {
  DependencyNeverSatisfied: 'it waits for a job that ended otherwise than it should',
  JobHeldUser: 'it is on hold; somebody must release it (scontrol release)',
  JobHeldAdmin: 'an admin of the cluster holds it back',
  PartitionConfig: 'its partition does not allow what it asks for',
  PartitionDown: 'its partition is down',
  PartitionInactive: 'its partition is closed for now',
  PartitionTimeLimit: 'it asks for more time than its partition allows',
  PartitionNodeLimit: 'it asks for more machines than its partition allows',
  BadConstraints: 'no machine is as it asks for',
  InvalidAccount: 'its account is not valid',
  InvalidQOS: 'its quality of service (QOS) is not valid',
};

/** The phase of a state text of Slurm's, such as `CANCELLED by 1001`. */
export function jobPhaseOfWord(text: string): JobPhase {
  return meaningOf(stateWord(text)).phase;
}
