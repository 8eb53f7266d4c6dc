import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { describeError } from '../../domain/errors.ts';
import { ownProgram } from '../../lib/package-root.ts';
import { isAlive, killProcess, type ProcessIdentity } from '../../lib/process-identity.ts';
import { claim, jobFile, readJson, readProcess, readStatus, writeDurably, type Launch } from './job-folder.ts';
import { jobEnvironment } from './job-environment.ts';
import { killLeftovers } from './job-processes.ts';
import type { JobStore } from './job-store.ts';
import { hasEnded, secondsNow, type Job, type RunAs } from './job.ts';

/** How often an adopted job is looked at; jobs we started ourselves tell at once. */
const lookEveryMs = 200;
/** A job whose runner vanishes again and again is given up as a node that fails. */
const maxRestarts = 5;

export interface ClusterOptions {
  directory: string;
  store: JobStore;
  cpus: number;
  runAs: RunAs | null;
  log: Logger;
  /** Length of a minute of time limits; shorter in tests. */
  minuteMs: number;
  killWaitMs: number;
}

/**
 * Runs jobs, first come first served, as processors come free. Every change is durable before it is acted on, so a new
 * cluster on the same folder goes on where the last one stopped, however it stopped.
 */
export class Cluster {
  readonly cpus: number;
  readonly #o: ClusterOptions;
  /** Timers of adopted jobs. */
  readonly #watched = new Map<number, NodeJS.Timeout>();
  #closing = false;

  constructor(options: ClusterOptions) {
    this.#o = options;
    this.cpus = options.cpus;
  }

  jobs(): Job[] {
    const order = (job: Job): [number, number] => [job.array?.id ?? job.id, job.array?.task ?? 0];
    return [...this.#o.store.jobs.values()].sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
  }

  /** Takes care of the jobs that an earlier daemon left, then starts what can run. */
  resume(): void {
    for (const job of this.jobs()) if (job.word === 'RUNNING') this.#adopt(job);
    this.#schedule();
  }

  takeIds(count: number): number {
    return this.#o.store.takeIds(count);
  }

  /** Takes jobs into the queue. The script is copied: later changes of the file do not reach them. */
  submit(jobs: readonly Job[], script: string, env: Record<string, string>): void {
    for (const job of jobs) {
      const folder = this.#folder(job);
      mkdirSync(folder, { recursive: true, mode: 0o711 });
      writeFileSync(join(folder, 'script'), script, { mode: 0o755 });
      chmodSync(join(folder, 'script'), 0o755);
      writeDurably(join(folder, 'environment.json'), env);
    }
    this.#o.store.save(...jobs);
    this.#schedule();
  }

  cancel(job: Job, uid: number): void {
    if (hasEnded(job) || job.ending === 'cancel') return;
    job.cancelledBy = uid;
    if (job.word === 'PENDING') {
      this.#end(job, { word: 'CANCELLED', ended: secondsNow() });
      return this.#schedule();
    }
    job.ending = 'cancel';
    this.#o.store.save(job);
    this.#tell(job, 'SIGTERM');
  }

  /** Ends what runs. Those jobs are queued again, under their ids, for the next cluster on this folder. */
  async close(): Promise<void> {
    this.#closing = true;
    const running = this.jobs().filter((job) => job.word === 'RUNNING');
    for (const job of running) {
      job.ending ??= 'requeue';
      this.#o.store.save(job);
      this.#tell(job, job.ending === 'cancel' ? 'SIGTERM' : 'SIGUSR2');
    }
    const deadline = Date.now() + this.#o.killWaitMs + 5_000;
    while (running.some((job) => job.word === 'RUNNING')) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (Date.now() < deadline) continue;
      for (const job of running)
        if (job.word === 'RUNNING') {
          const runner = this.#runner(job);
          if (runner) killProcess(runner, 'SIGKILL');
          this.#settle(job);
        }
    }
  }

  #schedule(): void {
    if (this.#closing) return;
    let free = this.cpus;
    const running = this.jobs().filter((job) => job.word === 'RUNNING');
    for (const job of running) free -= this.#cpusOf(job);
    let waiting = false;
    for (const job of this.jobs()) {
      if (job.word !== 'PENDING') continue;
      const inArray = running.filter((other) => job.array && other.array?.id === job.array.id).length;
      if (job.held) this.#wait(job, 'JobHeldUser');
      else if (job.array?.limit && inArray >= job.array.limit) this.#wait(job, 'JobArrayTaskLimit');
      else if (waiting) this.#wait(job, 'Priority');
      else if (this.#cpusOf(job) > free) {
        waiting = true;
        this.#wait(job, 'Resources');
      } else {
        free -= this.#cpusOf(job);
        running.push(job);
        this.#start(job);
      }
    }
  }

  /** A job that asks for more than this machine has gets all of it: a laptop runs what was written for a cluster. */
  #cpusOf(job: Job): number {
    return Math.min(job.cpus, this.cpus);
  }

  #wait(job: Job, reason: string): void {
    if (job.reason === reason) return;
    job.reason = reason;
    this.#o.store.save(job);
  }

  #start(job: Job): void {
    job.attempt++;
    const mark = randomBytes(16).toString('hex');
    const launch: Launch = {
      jobId: job.id,
      argv: [join(this.#folder(job), 'script'), ...job.args],
      workDir: job.workDir,
      stdout: job.stdout,
      stderr: job.stderr,
      truncate: job.openMode === 'truncate' || (job.openMode === null && job.restarts === 0),
      env: jobEnvironment(job, readJson(join(this.#folder(job), 'environment.json')) as Record<string, string>, mark),
      runAs: this.#o.runAs,
      timeLimitMs: job.timeLimitMinutes === null ? null : job.timeLimitMinutes * this.#o.minuteMs,
      killWaitMs: this.#o.killWaitMs,
      mark,
    };
    writeDurably(jobFile(this.#folder(job), 'launch', job.attempt), launch);
    Object.assign(job, { word: 'RUNNING', reason: 'None', started: secondsNow(), ended: null });
    this.#o.store.save(job);
    const [command = '', ...args] = ownProgram('src/embedded/slurm/job-main');
    // A session of its own: Ctrl-C in our terminal does not reach it, and it stays when we are killed.
    const runner = spawn(command, [...args, this.#folder(job), String(job.attempt)], {
      detached: true,
      stdio: 'ignore',
      cwd: '/',
      env: runnerEnvironment(process.env),
    });
    runner.on('error', (error) => {
      this.#o.log.error({ slurmJob: job.id, error: describeError(error) }, 'the runner of a job could not be started');
      if (runner.pid === undefined) this.#settle(job);
    });
    runner.on('exit', () => this.#settle(job));
  }

  /** A job of an earlier daemon: it may still run, may have ended meanwhile, or may be gone without a word. */
  #adopt(job: Job): void {
    const runner = this.#runner(job);
    if (readStatus(this.#folder(job), job.attempt) || !runner || !isAlive(runner)) return this.#settle(job);
    this.#o.log.info({ slurmJob: job.id, pid: runner.pid }, 'adopted a job that still runs');
    if (job.ending) this.#tell(job, job.ending === 'cancel' ? 'SIGTERM' : 'SIGUSR2');
    this.#watched.set(
      job.id,
      setInterval(() => {
        if (!isAlive(runner)) this.#settle(job);
      }, lookEveryMs),
    );
  }

  /** Decides what became of a start of a job whose runner does not run. */
  #settle(job: Job): void {
    clearInterval(this.#watched.get(job.id));
    this.#watched.delete(job.id);
    if (job.word !== 'RUNNING') return;
    const folder = this.#folder(job);
    // A runner that we never saw must not begin what is about to be decided.
    claim(folder, job.attempt, null);
    const status = readStatus(folder, job.attempt);
    const launch = readJson(jobFile(folder, 'launch', job.attempt)) as Launch | null;
    if (!status && launch) killLeftovers(launch.mark, readProcess(folder, 'script', job.attempt));
    const ended = status?.ended ?? secondsNow();
    if (job.ending === 'cancel') this.#end(job, { word: 'CANCELLED', ended });
    else if (job.ending === 'requeue' || !status || status.asked) this.#requeue(job, status !== null);
    else if (status.timedOut) this.#end(job, { word: 'TIMEOUT', ended });
    else {
      const { exitCode, exitSignal } = status;
      const word = exitCode === 0 && exitSignal === 0 ? 'COMPLETED' : 'FAILED';
      this.#end(job, { word, exitCode, exitSignal, ended });
    }
    for (const name of ['launch', 'claim', 'script', 'status'] as const)
      if (launch) rmSync(jobFile(folder, name, job.attempt - 1), { force: true });
    this.#schedule();
  }

  #requeue(job: Job, orderly: boolean): void {
    if (!orderly && job.restarts >= maxRestarts) return this.#end(job, { word: 'NODE_FAIL', ended: secondsNow() });
    this.#o.log.info({ slurmJob: job.id, restarts: job.restarts + 1 }, 'queued a job again');
    Object.assign(job, {
      word: 'PENDING',
      reason: 'BeginTime',
      started: null,
      ending: null,
      restarts: job.restarts + 1,
    });
    this.#o.store.save(job);
  }

  #end(job: Job, change: Partial<Job>): void {
    const reason = job.word === 'PENDING' ? job.reason : 'None';
    Object.assign(job, change, { ending: null, reason });
    this.#o.store.save(job);
    // Nobody needs what was submitted any more, and variables may be private.
    rmSync(this.#folder(job), { recursive: true, force: true });
  }

  #tell(job: Job, signal: NodeJS.Signals): void {
    // A runner that has not begun never will after this claim; it then ends by itself.
    const begun = this.#runner(job) ?? (claim(this.#folder(job), job.attempt, null) ? null : this.#runner(job));
    if (begun) killProcess(begun, signal);
  }

  #runner(job: Job): ProcessIdentity | null {
    return readProcess(this.#folder(job), 'claim', job.attempt);
  }

  #folder(job: Job): string {
    return join(this.#o.directory, 'jobs', String(job.id));
  }
}

/** A runner needs next to nothing of our environment; the job's own comes with its launch file. */
function runnerEnvironment(own: NodeJS.ProcessEnv): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of ['PATH', 'TZ', 'LANG', 'TMPDIR']) if (own[name] !== undefined) env[name] = own[name];
  return env;
}
