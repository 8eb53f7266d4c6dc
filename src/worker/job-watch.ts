import type { Logger } from 'pino';
import { describeError } from '../domain/errors.ts';
import { lastPercentage } from '../slurm/log-tails.ts';
import { unknownState } from '../slurm/observe.ts';
import type { JobState, Slurm } from '../slurm/slurm.ts';

/** What is known of a job after a look. */
export interface JobLook {
  /** Same for looks that show nothing new. */
  key: string;
  state: JobState;
  /** Last percentage in the job's log, such as `43%`. */
  progress: string | null;
  /** Slurm answers but has not known the job for a while. */
  lost: boolean;
  /** The cluster cannot be asked: why, and since when. The state is then the last one known. */
  trouble: { error: unknown; since: Date } | null;
}

export interface JobWatchOptions {
  /** Time between two looks while something is about to change. */
  minMs: number;
  log: Logger;
  now?: () => number;
}

interface Watcher {
  seen: string | null;
  resolve(look: JobLook): void;
}

interface Watched {
  watchers: Set<Watcher>;
  look: JobLook | null;
  changedAt: number;
  unknownSince: number | null;
  logFrom: number;
  progress: string | null;
  /** The end other than success that was seen, and when: believed when it is still seen some seconds later. */
  badEnd: { word: string; since: number } | null;
  /** Somebody hinted at its end: looked at often until then. */
  hotUntil: number;
}

/** Quiet jobs are looked at this many times more seldom. */
const slowest = 12;
const longestTroubleMs = 60_000;
const progressEveryMs = 10_000;
const hotForMs = 6_000;
const hotEveryMs = 400;
const earlyMs = 60_000;
/** Slurm may lag behind for some seconds after a submission; only after this long is its silence worth a word. */
const silenceMs = 120_000;
/**
 * Between an end and putting the job back into the queue, and while accounting has not heard of all tasks of an array,
 * Slurm calls a job failed that goes on.
 */
const badEndMs = 5_000;
/** A percentage may be cut by the end of what was written when the log was read last. */
const overlapBytes = 8;

/**
 * Looks at all jobs that somebody waits for with one call to Slurm per interval, however many there are. A job is looked
 * at after a tenth of the time that it has been as it is, within bounds, and at once after a hint. A hint is never taken
 * as truth. The interval starts after an answer, so a slow cluster is not asked faster than it answers.
 */
export class JobWatch {
  readonly #slurm: Pick<Slurm, 'observe' | 'logTails'>;
  readonly #minMs: number;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #jobs = new Map<number, Watched>();
  /** Hints for jobs that nobody waited for yet: a short job may end before its run begins to wait. */
  readonly #early = new Map<number, number>();
  #timer: NodeJS.Timeout | null = null;
  #asking = false;
  #lastAsked = -Infinity;
  #lastProgress = -Infinity;
  #trouble: { error: unknown; since: Date; failures: number } | null = null;

  constructor(slurm: Pick<Slurm, 'observe' | 'logTails'>, options: JobWatchOptions) {
    this.#slurm = slurm;
    this.#minMs = options.minMs;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
  }

  /** Jobs that somebody waits for. */
  get watching(): number {
    return this.#jobs.size;
  }

  /** The job once it is otherwise than the caller has `seen` (a look's key; null: nothing). Rejects with the signal's reason. */
  changed(jobId: number, seen: string | null, signal: AbortSignal): Promise<JobLook> {
    return new Promise<JobLook>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const known = this.#jobs.get(jobId);
      const job = known ?? this.#begin(jobId);
      const watcher: Watcher = {
        seen,
        resolve: (look) => {
          signal.removeEventListener('abort', onAbort);
          resolve(look);
        },
      };
      const onAbort = (): void => {
        job.watchers.delete(watcher);
        if (job.watchers.size === 0) this.#jobs.delete(jobId);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      job.watchers.add(watcher);
      if (!known && this.#early.delete(jobId)) this.#schedule(0);
      else this.#schedule();
    });
  }

  /** Somebody says that this job has ended, or that any may have (null). */
  hint(jobId: number | null): void {
    const until = this.#now() + hotForMs;
    for (const [id, job] of this.#jobs) if (jobId === null || id === jobId) job.hotUntil = until;
    if (jobId === null || this.#jobs.has(jobId)) return this.#schedule(0);
    this.#early.set(jobId, until);
    for (const [id, end] of this.#early) if (end < this.#now() - earlyMs) this.#early.delete(id);
  }

  #begin(jobId: number): Watched {
    const job: Watched = {
      watchers: new Set(),
      look: null,
      changedAt: this.#now(),
      unknownSince: null,
      logFrom: 0,
      progress: null,
      badEnd: null,
      hotUntil: 0,
    };
    this.#jobs.set(jobId, job);
    return job;
  }

  /** Sets the next look; `atOnce` brings one forward that is set already. */
  #schedule(atOnce?: 0): void {
    if (this.#asking || this.#jobs.size === 0) return;
    if (this.#timer) clearTimeout(this.#timer);
    const delay = atOnce ?? Math.max(0, this.#lastAsked + this.#interval() - this.#now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#ask();
    }, delay);
  }

  #interval(): number {
    if (this.#trouble) return Math.min(longestTroubleMs, this.#minMs * 2 ** this.#trouble.failures);
    const now = this.#now();
    let interval = this.#minMs * slowest;
    for (const job of this.#jobs.values()) {
      const own =
        job.badEnd !== null
          ? Math.min(this.#minMs, Math.max(0, job.badEnd.since + badEndMs - now))
          : job.hotUntil > now
            ? Math.min(hotEveryMs, this.#minMs)
            : Math.max(this.#minMs, (now - job.changedAt) / 10);
      interval = Math.min(interval, own);
    }
    return interval;
  }

  async #ask(): Promise<void> {
    if (this.#jobs.size === 0) return;
    this.#asking = true;
    const ids = [...this.#jobs.keys()];
    try {
      const states = await this.#slurm.observe(ids);
      await this.#readProgress(states);
      if (this.#trouble) this.#log.info({ since: this.#trouble.since }, 'the cluster answers again');
      this.#trouble = null;
      for (const id of ids) this.#show(id, states.get(id) ?? unknownState(id));
    } catch (error) {
      const since = this.#trouble?.since ?? new Date(this.#now());
      if (!this.#trouble) this.#log.warn({ jobs: ids.length, error: describeError(error) }, 'Slurm cannot be asked');
      this.#trouble = { error, since, failures: Math.min(10, (this.#trouble?.failures ?? 0) + 1) };
      for (const id of ids) this.#show(id, this.#jobs.get(id)?.look?.state ?? unknownState(id));
    } finally {
      this.#asking = false;
      this.#lastAsked = this.#now();
      this.#schedule();
    }
  }

  /** One command for the logs of all running jobs; a log that cannot be read takes nothing from the look. */
  async #readProgress(states: Map<number, JobState>): Promise<void> {
    if (this.#now() - this.#lastProgress < progressEveryMs) return;
    const running = [...this.#jobs].filter(([id]) => states.get(id)?.phase === 'running');
    if (running.length === 0) return;
    this.#lastProgress = this.#now();
    try {
      const tails = await this.#slurm.logTails(running.map(([jobId, { logFrom }]) => ({ jobId, from: logFrom })));
      for (const { jobId, size, bytes } of tails) {
        const job = this.#jobs.get(jobId);
        if (!job) continue;
        job.logFrom = Math.max(0, size - overlapBytes);
        job.progress = lastPercentage(bytes.toString('latin1')) ?? job.progress;
      }
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'the logs of running jobs could not be read');
    }
  }

  /** An end other than success counts as finishing until it has been seen for a while. */
  #believed(job: Watched, state: JobState): JobState {
    if (!state.terminal || state.phase === 'succeeded') {
      job.badEnd = null;
      return state;
    }
    if (job.badEnd?.word !== state.word) job.badEnd = { word: state.word, since: this.#now() };
    if (this.#now() - job.badEnd.since >= badEndMs) return state;
    return { ...state, word: 'COMPLETING', phase: 'finishing', terminal: false, exit: null, endedAt: null };
  }

  #show(jobId: number, seen: JobState): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    const now = this.#now();
    const state = this.#trouble ? seen : this.#believed(job, seen);
    const trouble = this.#trouble && { error: this.#trouble.error, since: this.#trouble.since };
    if (state.phase !== 'unknown') job.unknownSince = null;
    else if (!trouble) job.unknownSince ??= now;
    const lost = job.unknownSince !== null && now - job.unknownSince >= silenceMs;
    const { word, node, reason, exit } = state;
    const key = JSON.stringify([word, node, reason, exit, job.progress, lost, trouble && describeError(trouble.error)]);
    const look: JobLook = { key, state, progress: job.progress, lost, trouble };
    if (job.look?.state.word !== word) {
      job.changedAt = now;
      // The hint was about this.
      if (state.terminal) job.hotUntil = 0;
    }
    job.look = look;
    for (const watcher of [...job.watchers])
      if (watcher.seen !== key) {
        job.watchers.delete(watcher);
        watcher.resolve(look);
      }
    // Whoever goes on waiting comes back at once; what the log has told so far must still be known then.
    if (job.watchers.size === 0) setImmediate(() => this.#forget(jobId, job));
  }

  #forget(jobId: number, job: Watched): void {
    if (job.watchers.size > 0 || this.#jobs.get(jobId) !== job) return;
    if (job.look?.state.terminal) this.#jobs.delete(jobId);
    else
      setTimeout(() => {
        if (job.watchers.size === 0 && this.#jobs.get(jobId) === job) this.#jobs.delete(jobId);
      }, 5_000).unref();
  }
}
