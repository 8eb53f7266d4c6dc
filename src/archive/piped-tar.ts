/**
 * A tar stream that is read, hashed and written on one thread of its own, straight from the pipe that a command writes to:
 * the bytes never pass the main thread, which only says which entries are welcome and where they go. For few large files;
 * of many small ones every word between the threads would count.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../lib/own-thread.ts';
import { ThreadTalk } from '../lib/thread-talk.ts';
import type { PiecesDone, PieceTarget } from './piece-writer.ts';
import { PipedTarState } from './piped-tar-state.ts';
import type { TarAnswer, TarOrder } from './piped-tar-thread.ts';
import { TarError, type TarEntry } from './tar-reader.ts';

export class PipedTar {
  readonly #folder: string;
  /** How the reading stands, at any time. */
  readonly state = new PipedTarState();
  readonly #thread: Worker;
  readonly #talk: ThreadTalk<TarOrder, TarAnswer>;
  /** Our own ends: the command's, until it has it, and one that keeps the pipe open until the thread has opened it. */
  #writeEnd: number | null;
  #holdEnd: number | null;
  #asked = false;
  #entry: TarAnswer['entry'];
  #done: PiecesDone | null = null;
  #wrote: ((bytes: number) => void) | null = null;
  /** A thread that waits for a pipe would hold up the end of the whole process. */
  readonly #onExit = (): void => this.stop();

  private constructor(folder: string, holdEnd: number) {
    this.#folder = folder;
    this.#holdEnd = holdEnd;
    this.#writeEnd = openSync(this.#path, constants.O_WRONLY);
    this.#thread = startThread('src/archive/piped-tar-thread', { path: this.#path, memory: this.state.memory });
    process.once('exit', this.#onExit);
    const ended = 'the thread that reads the results has ended';
    this.#talk = new ThreadTalk(this.#thread, (answer) => this.#hear(answer), ended);
  }

  /** Throws where no named pipe can be made or opened. */
  static async open(): Promise<PipedTar> {
    const folder = await mkdtemp(join(tmpdir(), 'bb-pipe-'));
    let holdEnd: number | null = null;
    try {
      const path = join(folder, 'tar');
      await promisify(execFile)('mkfifo', ['-m', '600', path]);
      holdEnd = openSync(path, constants.O_RDWR);
      return new PipedTar(folder, holdEnd);
    } catch (error) {
      if (holdEnd !== null) closeSync(holdEnd);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get #path(): string {
    return join(this.#folder, 'tar');
  }

  /** What the command has to write to. */
  get descriptor(): number {
    if (this.#writeEnd === null) throw new Error('the pipe was handed over');
    return this.#writeEnd;
  }

  /** The command has its end now: when it ends, so does the stream. */
  handedOver(): void {
    if (this.#writeEnd !== null) closeSync(this.#writeEnd);
    this.#writeEnd = null;
  }

  /** Whether deflating the entry at hand pays. */
  get pays(): boolean {
    return this.#entry?.pays ?? false;
  }

  /** The next entry, or null behind the end mark. A file must be poured before. Throws TarError. */
  async next(): Promise<TarEntry | null> {
    this.#ask();
    await this.#talk.until(() => this.#entry !== undefined);
    this.#asked = false;
    const found = this.#entry;
    return found ? { ...found.entry, name: Buffer.from(found.entry.name) } : null;
  }

  /**
   * Writes the file at hand. When it throws, nothing is written to the descriptors any more.
   *
   * @param onBytes told now and then how many bytes more were written
   */
  async pour(target: PieceTarget, onBytes: (bytes: number) => void): Promise<PiecesDone> {
    this.#done = null;
    this.#wrote = onBytes;
    this.#talk.say({ take: target });
    await this.#talk.until(() => this.#done !== null);
    // What follows is read while the file is being closed.
    this.#ask();
    if (!this.#done) throw new Error('not done');
    return this.#done;
  }

  /** Gives the stream up, also while it is waited for. */
  stop(): void {
    this.state.stop();
    try {
      const end = openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        writeSync(end, '\0');
      } finally {
        closeSync(end);
      }
    } catch {
      // Nobody reads it, or it is full: then nobody waits for it either.
    }
  }

  /** Ends the thread and takes the pipe away. */
  async close(): Promise<void> {
    this.stop();
    process.removeListener('exit', this.#onExit);
    await this.#thread.terminate();
    this.handedOver();
    this.#letGo();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #hear(answer: TarAnswer): void {
    if (answer.opened) this.#letGo();
    if (answer.entry !== undefined) this.#entry = answer.entry;
    if (answer.wrote !== undefined) this.#wrote?.(answer.wrote);
    if (answer.done) this.#done = answer.done;
    if (!answer.failure) return;
    const { stream, code, reason } = answer.failure;
    this.#talk.fail(stream ? new TarError(reason) : Object.assign(new Error(reason), { code }));
  }

  #letGo(): void {
    if (this.#holdEnd !== null) closeSync(this.#holdEnd);
    this.#holdEnd = null;
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#entry = undefined;
    this.#talk.say({ next: true });
  }
}
