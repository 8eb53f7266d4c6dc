/**
 * Reads a zip while it is being written, on a thread, as far as it is complete: once it is finished, only its end is left
 * to be read.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../lib/own-thread.ts';
import type { FollowAnswer, FollowOrder } from './zip-check-thread.ts';
import type { Expected } from './zip-check.ts';

export class ZipFollower {
  readonly #thread: Worker;
  readonly #answer: Promise<string>;

  constructor(path: string) {
    this.#thread = startThread('src/archive/zip-check-thread', { path });
    this.#answer = new Promise((resolve, reject) => {
      this.#thread.on('message', ({ sha256, failure }: FollowAnswer) => {
        if (sha256 !== undefined) resolve(sha256);
        else reject(new Error(failure));
      });
      this.#thread.on('error', reject);
      this.#thread.on('exit', () => reject(new Error('the thread that reads the zip has ended')));
    });
    this.#answer.catch(() => {});
  }

  /** Everything up to `to` is written and will not change; `expected`: what is new in it. */
  complete(to: number, expected: Expected): void {
    this.#thread.postMessage({ to, expected, last: false } satisfies FollowOrder);
  }

  /** The SHA-256 of the whole zip. Throws when it does not read as it was written. */
  async finish(bytes: number, expected: Expected): Promise<string> {
    this.#thread.postMessage({ to: bytes, expected, last: true } satisfies FollowOrder);
    try {
      return await this.#answer;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
