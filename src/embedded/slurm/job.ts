/**
 * A job of the embedded Slurm. Times are whole seconds since 1970, as Slurm keeps them; `folder` names are not stored,
 * so a data folder may be moved while nothing runs.
 */
export type JobWord = 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'TIMEOUT' | 'CANCELLED' | 'NODE_FAIL';

export interface Job {
  id: number;
  /** Of a task of an array: the id of the array, the task's number, and how the array was asked for. */
  array: { id: number; task: number; limit: number | null } | null;
  name: string;
  word: JobWord;
  reason: string;
  cancelledBy: number | null;
  /** What has been asked of a running job, stored before it is done. */
  ending: 'cancel' | 'requeue' | null;
  exitCode: number;
  exitSignal: number;
  workDir: string;
  /** Path of the script as submitted; null for `--wrap` and standard input. */
  command: string | null;
  args: string[];
  stdout: string;
  stderr: string;
  openMode: 'append' | 'truncate' | null;
  submitLine: string;
  comment: string;
  partition: string;
  account: string;
  user: string;
  uid: number;
  gid: number;
  cpus: number;
  timeLimitMinutes: number | null;
  held: boolean;
  submitted: number;
  started: number | null;
  ended: number | null;
  restarts: number;
  /** Counts the starts; every start has files of its own in the job's folder. */
  attempt: number;
}

export const clusterName = 'embedded';
export const nodeName = 'localhost';

export function hasEnded(job: Job): boolean {
  return job.word !== 'PENDING' && job.word !== 'RUNNING';
}

/** Job id as people and accounting write it: `7`, or `9_2` for a task of an array. */
export function jobIdText(job: Job): string {
  return job.array ? `${job.array.id}_${job.array.task}` : String(job.id);
}

export function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}

/** Seconds that the job has run. */
export function elapsed(job: Job, now = secondsNow()): number {
  return job.started === null ? 0 : Math.max(0, (job.ended ?? now) - job.started);
}

export interface RunAs {
  uid: number;
  gid: number;
}
