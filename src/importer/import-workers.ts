import pLimit, { type LimitFunction } from 'p-limit';
import { monotonicMs } from '../lib/monotonic.ts';

/** An import that took no longer than this is short: an order that is prepared meanwhile hardly waits for it. */
const shortMs = 500;

/** Orders prepared ahead per worker: with fewer, a burst of imports that cost nothing waits for round trips. */
const preparedAhead = 4;

/** A prepared order found no worker in time and is anybody's again; nothing is wrong with it. */
export class HandedBack extends Error {
  override readonly name = 'HandedBack';

  constructor() {
    super('the order was given back: the imports before it take longer than those before them');
  }
}

/**
 * The `max_workers` of one importer: so many orders are imported at once. While imports are short, as where files are
 * there already, more orders are claimed and prepared than workers are free, so that no worker waits for the database and
 * OMERO. While they take long none is: other importers on this database may have workers that are free.
 */
export class ImportWorkers {
  readonly #size: number;
  readonly #longestWaitMs: number;
  readonly #limit: LimitFunction;
  /** When those that work began. */
  readonly #began = new Set<{ at: number }>();
  /** What the last imports took, in milliseconds; as many as there are workers. */
  #took: number[] = [];

  /** @param longestWaitMs after so long a prepared order is given back */
  constructor(size: number, longestWaitMs = 2_000) {
    this.#size = size;
    this.#longestWaitMs = longestWaitMs;
    this.#limit = pLimit(size);
  }

  /** How many orders may be claimed beside those that workers are free for. */
  get ahead(): number {
    const now = monotonicMs();
    const began = [...this.#began].map(({ at }) => now - at);
    const short = this.#took.length > 0 && [...this.#took, ...began].every((ms) => ms <= shortMs);
    return short ? preparedAhead * this.#size : 0;
  }

  /**
   * Waits for a worker, in the sequence of asking. What it gives is to be called, once or more, when the worker is free.
   *
   * @throws HandedBack, the signal's reason
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      let gone = false;
      const leave = (reason: unknown): void => {
        gone = true;
        reject(reason);
      };
      const onAbort = (): void => leave(signal.reason);
      const timer = setTimeout(() => leave(new HandedBack()), this.#longestWaitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      void this.#limit(async () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        if (!gone) await new Promise<void>((free) => resolve(this.#begin(free)));
      });
    });
  }

  #begin(free: () => void): () => void {
    const work = { at: monotonicMs() };
    this.#began.add(work);
    return () => {
      if (!this.#began.delete(work)) return;
      this.#took = [...this.#took, monotonicMs() - work.at].slice(-this.#size);
      free();
    };
  }
}
