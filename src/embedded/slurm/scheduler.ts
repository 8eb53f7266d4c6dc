import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ownProgram } from '../../lib/package-root.ts';
import { identifyProcess, isAlive } from '../../lib/process-identity.ts';
import { now, type Job, type JobResult, type JobSpec } from './job.ts';
import { JobStore } from './job-store.ts';

const lookEveryMs = 100;

/**
 * Starts jobs as processors come free and notes how they end. Everything is stored before it is answered: a new
 * scheduler on the same folder goes on with the jobs of the one before, however that one ended.
 */
export class Scheduler {
  readonly #directory: string;
  readonly #store: JobStore;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly cpus: number;

  constructor(directory: string, cpus: number, log: Logger) {
    this.#directory = directory;
    this.#store = new JobStore(directory);
    this.#log = log;
    this.cpus = cpus;
    this.#takeOver();
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  jobs(): Job[] {
    this.#look();
    return [...this.#store.jobs.values()];
  }

  job(id: number): Job | undefined {
    return this.#store.jobs.get(id);
  }

  /** Takes a job into the queue. Its script is copied, so later changes of the file do not reach it. */
  submit(job: Omit<Job, 'id'>, script: string): Job {
    const id = this.#store.takeId();
    const queued: Job = { ...job, id, output: job.output.replaceAll('%j', String(id)).replaceAll('%x', job.name) };
    const folder = this.#folder(id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'script'), script, { mode: 0o755 });
    this.#store.jobs.set(id, queued);
    this.#store.save();
    this.#look();
    return queued;
  }

  cancel(job: Job, uid: number): void {
    if (job.state === 'RUNNING') this.#kill(job);
    job.state = 'CANCELLED';
    job.cancelledBy = uid;
    job.ended = now();
    job.runner = null;
    this.#store.save();
  }

  /** Ends what runs; those jobs are queued again, under their ids, for the next scheduler. */
  close(): void {
    clearInterval(this.#timer);
    this.#look(false);
    for (const job of this.#store.jobs.values()) {
      if (job.state !== 'RUNNING') continue;
      this.#kill(job);
      this.#requeue(job);
    }
    this.#store.save();
  }

  /** Jobs of a scheduler that was killed may still run, may have ended meanwhile, or may be gone with the machine. */
  #takeOver(): void {
    let changed = false;
    for (const job of this.#store.jobs.values()) {
      if (job.state !== 'RUNNING' || this.#readResult(job)) continue;
      if (job.runner && isAlive(job.runner)) {
        this.#log.info({ job: job.id }, 'adopted a job that still runs');
        continue;
      }
      this.#log.info({ job: job.id }, 'queued a job again that ended with its scheduler');
      this.#requeue(job);
      changed = true;
    }
    if (changed) this.#store.save();
  }

  #requeue(job: Job): void {
    job.state = 'PENDING';
    job.reason = 'BeginTime';
    job.started = null;
    job.runner = null;
    job.restarts++;
  }

  #look(start = true): void {
    let changed = false;
    for (const job of this.#store.jobs.values()) {
      if (job.state !== 'RUNNING') continue;
      const result = this.#readResult(job);
      if (result) {
        Object.assign(job, result, { reason: 'None', runner: null });
        changed = true;
      } else if (job.runner && !isAlive(job.runner)) {
        // Killed from outside, runner and all.
        Object.assign(job, { state: 'FAILED', exitCode: 0, exitSignal: 9, ended: now(), runner: null });
        changed = true;
      }
    }
    if (start) changed = this.#startPending() || changed;
    if (changed) this.#store.save();
  }

  #startPending(): boolean {
    let changed = false;
    let used = 0;
    for (const job of this.#store.jobs.values()) if (job.state === 'RUNNING') used += job.cpus;
    for (const job of this.#store.jobs.values()) {
      if (job.state !== 'PENDING') continue;
      if (used + job.cpus > this.cpus) {
        changed ||= job.reason !== 'Resources';
        job.reason = 'Resources';
        break;
      }
      this.#start(job);
      used += job.cpus;
      changed = true;
    }
    return changed;
  }

  #start(job: Job): void {
    const folder = this.#folder(job.id);
    rmSync(join(folder, 'result.json'), { force: true });
    const spec: JobSpec = {
      script: join(folder, 'script'),
      workDir: job.workDir,
      output: job.output.startsWith('/') ? job.output : join(job.workDir, job.output),
      env: {
        ...job.env,
        SLURM_JOB_ID: String(job.id),
        SLURM_JOBID: String(job.id),
        SLURM_JOB_NAME: job.name,
        SLURM_SUBMIT_DIR: job.workDir,
        SLURM_CPUS_ON_NODE: String(job.cpus),
        SLURM_JOB_NODELIST: 'localhost',
        SLURM_CLUSTER_NAME: 'embedded',
        SLURM_RESTART_COUNT: String(job.restarts),
      },
      timeLimitSeconds: job.timeLimitMinutes === null ? null : job.timeLimitMinutes * 60,
    };
    writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec), { mode: 0o600 });
    const [command = '', ...args] = ownProgram('src/embedded/slurm/job-main');
    // A group of its own: it can be ended as a whole, and Ctrl-C in our terminal does not reach it.
    const runner = spawn(command, [...args, folder], { detached: true, stdio: 'ignore', cwd: this.#directory });
    runner.on('error', (error) => this.#log.error({ job: job.id, error: error.message }, 'a job could not be started'));
    runner.on('exit', () => this.#look());
    runner.unref();
    job.state = 'RUNNING';
    job.reason = 'None';
    job.started = now();
    job.runner = identifyProcess(runner.pid ?? 0);
  }

  #kill(job: Job): void {
    if (!job.runner || !isAlive(job.runner)) return;
    try {
      process.kill(-job.runner.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #readResult(job: Job): JobResult | null {
    const path = join(this.#folder(job.id), 'result.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as JobResult) : null;
  }

  #folder(id: number): string {
    return join(this.#directory, 'jobs', String(id));
  }
}
