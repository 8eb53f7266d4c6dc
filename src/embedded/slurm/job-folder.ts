/**
 * A job's folder, through which the daemon and the job's runner speak. It works across a crash of either:
 *
 * - `script`, `environment.json`: what was submitted;
 * - `launch-<n>.json`: what the runner of start n is to do;
 * - `claim-<n>.json`: whose start n is. Whoever makes it first has it: the runner, which writes who it is, or a daemon
 *   that found no runner and takes the start back, so that a late runner cannot begin what is queued again;
 * - `script-<n>.json`: the process of the script itself;
 * - `status-<n>.json`: how it ended.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseIdentity, type ProcessIdentity } from '../../lib/process-identity.ts';
import type { RunAs } from './job.ts';

export interface Launch {
  jobId: number;
  argv: string[];
  workDir: string;
  stdout: string;
  stderr: string;
  truncate: boolean;
  env: Record<string, string>;
  runAs: RunAs | null;
  timeLimitMs: number | null;
  /** Between the polite signal and SIGKILL. */
  killWaitMs: number;
  /** In the environment of everything that the job starts, and of nothing else. */
  mark: string;
}

export interface Status {
  exitCode: number;
  exitSignal: number;
  timedOut: boolean;
  /** True when the runner was told to end the job before it had ended by itself. */
  asked: boolean;
  ended: number;
}

type FileName = 'launch' | 'claim' | 'script' | 'status';

/** Name of the variable that holds a job's mark. */
export const markVariable = 'BIOMERO_BRIDGE_JOB_MARK';

export function jobFile(folder: string, name: FileName, attempt: number): string {
  return join(folder, `${name}-${attempt}.json`);
}

/** Writes a file as a whole and durably. */
export function writeDurably(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}`;
  const file = openSync(temporary, 'w', 0o600);
  writeSync(file, JSON.stringify(value));
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
}

/** Takes a start of a job for `owner`; false when it is taken. */
export function claim(folder: string, attempt: number, owner: ProcessIdentity | null): boolean {
  const path = jobFile(folder, 'claim', attempt);
  const temporary = `${path}.${process.pid}`;
  writeDurably(temporary, owner);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Which process wrote itself down as the job's runner or script; null for none. */
export function readProcess(folder: string, name: 'claim' | 'script', attempt: number): ProcessIdentity | null {
  return parseIdentity(readJson(jobFile(folder, name, attempt)));
}

export function readStatus(folder: string, attempt: number): Status | null {
  return readJson(jobFile(folder, 'status', attempt)) as Status | null;
}

export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
