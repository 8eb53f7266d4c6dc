import type { ProcessIdentity } from '../../lib/process-identity.ts';

/** A job of the embedded Slurm. Times are seconds since 1970, as Slurm keeps them. */
export interface Job {
  id: number;
  name: string;
  state: 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED' | 'TIMEOUT' | 'CANCELLED';
  /** Who cancelled it. */
  cancelledBy: number | null;
  reason: string;
  exitCode: number;
  exitSignal: number;
  workDir: string;
  output: string;
  command: string;
  comment: string;
  env: Record<string, string>;
  uid: number;
  userName: string;
  cpus: number;
  timeLimitMinutes: number | null;
  submitted: number;
  started: number | null;
  ended: number | null;
  restarts: number;
  runner: ProcessIdentity | null;
}

export function hasEnded(job: Job): boolean {
  return job.state !== 'PENDING' && job.state !== 'RUNNING';
}

/** State as accounting prints it. */
export function stateText(job: Job): string {
  return job.state === 'CANCELLED' && job.cancelledBy !== null ? `CANCELLED by ${job.cancelledBy}` : job.state;
}

export function exitText(job: Job): string {
  return `${job.exitCode}:${job.exitSignal}`;
}

/** What the runner of a job is told, and what it leaves behind, in the job's own folder. */
export interface JobSpec {
  script: string;
  workDir: string;
  output: string;
  env: Record<string, string>;
  timeLimitSeconds: number | null;
}

export interface JobResult {
  state: 'COMPLETED' | 'FAILED' | 'TIMEOUT';
  exitCode: number;
  exitSignal: number;
  ended: number;
}

export function now(): number {
  return Math.floor(Date.now() / 1000);
}
