/**
 * Runs one start of one job: `job-main FOLDER NUMBER`. Lives beside the daemon, so that the job survives it, and leaves
 * `status-<n>.json`, from which that daemon or the next learns how the job ended. SIGTERM ends the job, SIGUSR2 ends it
 * to be queued again.
 */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { constants as system } from 'node:os';
import { resolve } from 'node:path';
import { identifyProcess } from '../../lib/process-identity.ts';
import { claim, jobFile, readJson, writeDurably, type Launch, type Status } from './job-folder.ts';
import { killLeftovers, signalGroup } from './job-processes.ts';
import { nodeName, secondsNow } from './job.ts';
import { formatTime } from './times.ts';

const [folder = '', number = ''] = process.argv.slice(2);
const attempt = Number(number);
const launch = readJson(jobFile(folder, 'launch', attempt)) as Launch;

const log: { stdout: number; stderr: number } = { stdout: -1, stderr: -1 };
let asked = false;
let timedOut = false;
let ended = false;
let script: number | null = null;

process.on('SIGTERM', () => end(''));
process.on('SIGUSR2', () => end(' DUE TO JOB REQUEUE'));
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);

if (launch && claim(folder, attempt, identifyProcess(process.pid))) run();

function run(): void {
  // Slurm runs a job whose folder is gone in /tmp; its output then has nowhere to go, unless its path is absolute.
  const workDir = existsSync(launch.workDir) ? launch.workDir : '/tmp';
  try {
    asUser(() => {
      const mode =
        constants.O_WRONLY | constants.O_CREAT | (launch.truncate ? constants.O_TRUNC : 0) | constants.O_APPEND;
      log.stdout = openSync(resolve(launch.workDir, launch.stdout), mode, 0o644);
      log.stderr =
        launch.stderr === launch.stdout ? log.stdout : openSync(resolve(launch.workDir, launch.stderr), mode, 0o644);
    });
  } catch {
    // The code by which Slurm tells that an output file could not be opened.
    return leave(0, 53);
  }
  const [command = '', ...args] = launch.argv;
  const child = spawn(command, args, {
    cwd: workDir,
    env: launch.env,
    detached: true,
    stdio: ['ignore', log.stdout, log.stderr],
    ...launch.runAs,
  });
  script = child.pid ?? null;
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    say(`error: execve(): ${interpreterError(error)}`);
    leave(2, 0);
  });
  if (script === null) return;
  writeDurably(jobFile(folder, 'script', attempt), identifyProcess(script));
  const timer =
    launch.timeLimitMs === null
      ? null
      : setTimeout(() => {
          timedOut = !asked;
          end(' DUE TO TIME LIMIT');
        }, launch.timeLimitMs);
  child.on('exit', (code, signal) => {
    if (timer) clearTimeout(timer);
    leave(code ?? 0, signal ? system.signals[signal] : 0);
  });
}

/** Asks the job's processes to end, and makes them after a while. */
function end(why: string): void {
  if (asked || ended) return;
  asked = true;
  say(`error: *** JOB ${launch.jobId} ON ${nodeName} CANCELLED AT ${formatTime(secondsNow())}${why} ***`);
  if (script === null) return;
  const group = script;
  signalGroup(group, 'SIGCONT');
  signalGroup(group, 'SIGTERM');
  setTimeout(() => signalGroup(group, 'SIGKILL'), launch.killWaitMs);
}

/** Notes the end once nothing of the job runs any more. */
function leave(exitCode: number, exitSignal: number): void {
  if (ended) return;
  ended = true;
  if (script !== null) signalGroup(script, 'SIGKILL');
  killLeftovers(launch.mark, null);
  const status: Status = { exitCode, exitSignal, timedOut, asked: asked && !timedOut, ended: secondsNow() };
  writeDurably(jobFile(folder, 'status', attempt), status);
  for (const file of new Set(Object.values(log))) if (file >= 0) closeSync(file);
  process.exit(0);
}

function say(text: string): void {
  if (log.stderr >= 0) writeSync(log.stderr, `slurmstepd-${nodeName}: ${text}\n`);
}

/** Opens files with the rights of the job's user, so that a job cannot make root write where it may not. */
function asUser(work: () => void): void {
  if (!launch.runAs || process.geteuid?.() !== 0) return work();
  process.setegid?.(launch.runAs.gid);
  process.seteuid?.(launch.runAs.uid);
  try {
    work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

function interpreterError(error: NodeJS.ErrnoException): string {
  try {
    accessSync(launch.argv[0] ?? '', constants.X_OK);
  } catch {
    return error.message;
  }
  return error.code === 'ENOENT' ? 'bad interpreter: No such file or directory' : error.message;
}
