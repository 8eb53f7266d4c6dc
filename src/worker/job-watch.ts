import type { Logger } from 'pino';
import { describeError } from '../domain/errors.ts';
import type { JobState, Slurm } from '../slurm/slurm.ts';

interface Watcher {
  resolve(state: JobState): void;
  reject(error: unknown): void;
}

/**
 * Looks at all jobs that somebody waits for with one call to Slurm per interval, however many runs there are. The
 * interval starts after an answer, so a slow cluster is not asked faster than it answers.
 */
export class JobWatch {
  readonly #slurm: Slurm;
  readonly #intervalMs: number;
  readonly #log: Logger;
  readonly #watchers = new Map<number, Watcher[]>();
  #timer: NodeJS.Timeout | null = null;
  #asking = false;
  #lastAsked = 0;

  constructor(slurm: Slurm, intervalMs: number, log: Logger) {
    this.#slurm = slurm;
    this.#intervalMs = intervalMs;
    this.#log = log;
  }

  /** The job's state at the next look. Rejects when Slurm could not be asked, or with the signal's reason. */
  next(jobId: number, signal: AbortSignal): Promise<JobState> {
    return new Promise<JobState>((resolve, reject) => {
      const watcher: Watcher = {
        resolve: (state) => {
          signal.removeEventListener('abort', onAbort);
          resolve(state);
        },
        reject: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      const onAbort = (): void => {
        const list = this.#watchers.get(jobId)?.filter((w) => w !== watcher) ?? [];
        if (list.length) this.#watchers.set(jobId, list);
        else this.#watchers.delete(jobId);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#watchers.set(jobId, [...(this.#watchers.get(jobId) ?? []), watcher]);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#timer || this.#asking || this.#watchers.size === 0) return;
    const delay = Math.max(0, this.#lastAsked + this.#intervalMs - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#ask();
    }, delay);
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    const asked = new Map(this.#watchers);
    this.#watchers.clear();
    try {
      const states = await this.#slurm.observe([...asked.keys()]);
      for (const [id, watchers] of asked)
        for (const w of watchers) {
          const state = states.get(id);
          if (state) w.resolve(state);
          else w.reject(new Error(`Slurm's answer leaves out job ${id}`));
        }
    } catch (error) {
      this.#log.warn({ jobs: asked.size, error: describeError(error) }, 'Slurm could not be asked');
      for (const watchers of asked.values()) for (const w of watchers) w.reject(error);
    } finally {
      this.#asking = false;
      this.#lastAsked = Date.now();
      this.#schedule();
    }
  }
}
