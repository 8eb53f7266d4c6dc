/** Large entries on their way to a thread of their own, through a few pieces of memory that both sides see. */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../lib/own-thread.ts';
import { ThreadTalk } from '../lib/thread-talk.ts';
import type { PieceAnswer, PieceOrder } from './piece-thread.ts';
import type { PiecesDone, PieceTarget } from './piece-writer.ts';

const pieceBytes = 256 * 1024;
const pieces = 16;

export class PiecePipe {
  readonly #memory = new SharedArrayBuffer(pieceBytes * pieces);
  readonly #thread: Worker;
  readonly #talk: ThreadTalk<PieceOrder, PieceAnswer>;
  readonly #free = Array.from({ length: pieces }, (_, i) => i * pieceBytes);
  #done: PiecesDone | null = null;
  #at: number | null = null;
  #filled = 0;

  constructor() {
    this.#thread = startThread('src/archive/piece-thread', { memory: this.#memory });
    const ended = 'the thread that writes large results has ended';
    this.#talk = new ThreadTalk(this.#thread, (answer) => this.#hear(answer), ended);
  }

  /** Begins an entry; the one before must have ended. Descriptors stay open until it has. */
  open(target: PieceTarget): void {
    this.#done = null;
    this.#talk.say({ open: target });
  }

  /** Takes in what comes next; waits while the thread is behind. Throws what writing failed with. */
  async write(data: Buffer): Promise<void> {
    for (let from = 0; from < data.length;) {
      await this.#talk.until(() => this.#at !== null || this.#free.length > 0);
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
    this.#talk.say({ end: true });
    await this.#talk.until(() => this.#done !== null);
    if (!this.#done) throw new Error('not done');
    return this.#done;
  }

  /** Ends the thread; nothing is written any more afterwards. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #sendPiece(): void {
    if (this.#at === null) return;
    this.#talk.say({ piece: { at: this.#at, length: this.#filled } });
    this.#at = null;
    this.#filled = 0;
  }

  #hear(answer: PieceAnswer): void {
    if (answer.free !== undefined) this.#free.push(answer.free);
    if (answer.done) this.#done = answer.done;
    if (!answer.failure) return;
    const { code, reason } = answer.failure;
    this.#talk.fail(Object.assign(new Error(reason), { code }));
  }
}
