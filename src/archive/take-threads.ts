/** Threads that take in small files, in batches; results with many of them are several times faster home. */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../lib/own-thread.ts';
import type { Batch, BatchAnswer } from './take-thread.ts';

const mostThreads = 4;

/** A write that failed on a thread, with the file it was for. */
export class TakeError extends Error {
  readonly path: string;
  readonly bytes: number;
  constructor(path: string, bytes: number, cause: unknown) {
    super('writing failed', { cause });
    this.path = path;
    this.bytes = bytes;
  }
}

interface Hand {
  thread: Worker;
  waiting: { resolve: (done: NonNullable<BatchAnswer['done']>) => void; reject: (error: unknown) => void }[];
  broken: unknown;
}

export class TakeThreads {
  readonly #hands: Hand[];

  constructor() {
    this.#hands = Array.from({ length: Math.min(mostThreads, availableParallelism()) }, start);
  }

  /** Writes a batch; throws TakeError. The batch's data go over to the thread. */
  take(batch: Batch): Promise<NonNullable<BatchAnswer['done']>> {
    const hand = this.#hands.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a));
    return new Promise((resolve, reject) => {
      if (hand.broken !== null) return reject(hand.broken);
      hand.waiting.push({ resolve, reject });
      hand.thread.postMessage(batch, [batch.data]);
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#hands.map((hand) => hand.thread.terminate()));
  }
}

function start(): Hand {
  const hand: Hand = { thread: startThread('src/archive/take-thread', null), waiting: [], broken: null };
  hand.thread.on('message', (answer: BatchAnswer) => {
    const waiting = hand.waiting.shift();
    if (answer.done) waiting?.resolve(answer.done);
    else if (answer.failure) {
      const { path, bytes, code, reason } = answer.failure;
      waiting?.reject(new TakeError(path, bytes, Object.assign(new Error(reason), { code })));
    }
  });
  const stop = (error: unknown): void => {
    hand.broken ??= error;
    for (const { reject } of hand.waiting.splice(0)) reject(error);
  };
  hand.thread.on('error', stop);
  hand.thread.on('exit', () => stop(new Error('the thread that writes results has ended')));
  return hand;
}
