/** Large entries on their way to a thread of their own, through a few pieces of memory that both sides see. */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../lib/own-thread.ts';
import type { PieceAnswer, PieceOrder } from './piece-thread.ts';
import type { PiecesDone, PieceTarget } from './piece-writer.ts';

const pieceBytes = 256 * 1024;
const pieces = 16;

export class PiecePipe {
  readonly #memory = new SharedArrayBuffer(pieceBytes * pieces);
  readonly #thread: Worker;
  readonly #free = Array.from({ length: pieces }, (_, i) => i * pieceBytes);
  #done: PiecesDone | null = null;
  #failed: { error: unknown } | null = null;
  #wake: (() => void) | null = null;
  #at: number | null = null;
  #filled = 0;

  constructor() {
    this.#thread = startThread('src/archive/piece-thread', { memory: this.#memory });
    this.#thread.on('message', (answer: PieceAnswer) => {
      if (answer.free !== undefined) this.#free.push(answer.free);
      if (answer.done) this.#done = answer.done;
      if (answer.failure) {
        const { code, reason } = answer.failure;
        this.#failed ??= { error: Object.assign(new Error(reason), { code }) };
      }
      this.#wake?.();
    });
    const stop = (error: unknown): void => {
      this.#failed ??= { error };
      this.#wake?.();
    };
    this.#thread.on('error', stop);
    this.#thread.on('exit', () => stop(new Error('the thread that writes large results has ended')));
  }

  /** Begins an entry; the one before must have ended. Descriptors stay open until it has. */
  open(target: PieceTarget): void {
    this.#done = null;
    this.#send({ open: target });
  }

  /** Takes in what comes next; waits while the thread is behind. Throws what writing failed with. */
  async write(data: Buffer): Promise<void> {
    for (let from = 0; from < data.length;) {
      await this.#until(() => this.#at !== null || this.#free.length > 0);
      this.#at ??= this.#free.pop() ?? 0;
      const into = Buffer.from(this.#memory, this.#at + this.#filled, pieceBytes - this.#filled);
      const copied = data.copy(into, 0, from);
      this.#filled += copied;
      from += copied;
      if (this.#filled === pieceBytes) this.#sendPiece();
    }
  }

  /** Ends the entry: everything is written. Throws what writing failed with. */
  async end(): Promise<PiecesDone> {
    this.#sendPiece();
    this.#send({ end: true });
    await this.#until(() => this.#done !== null);
    if (!this.#done) throw new Error('not done');
    return this.#done;
  }

  /** Ends the thread; nothing is written any more afterwards. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #sendPiece(): void {
    if (this.#at === null) return;
    this.#send({ piece: { at: this.#at, length: this.#filled } });
    this.#at = null;
    this.#filled = 0;
  }

  #send(order: PieceOrder): void {
    this.#thread.postMessage(order);
  }

  async #until(ready: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failed) throw this.#failed.error;
      if (ready()) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
