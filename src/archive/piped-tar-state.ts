/** What both sides of a piped tar stream see at any time, also while the thread waits for the pipe. */
const words = { stopped: 0, waits: 1, pieces: 2 } as const;

export class PipedTarState {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** `memory`: of the other side; absent on the side that begins. */
  constructor(memory = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Nobody wants the rest of the stream. */
  get stopped(): boolean {
    return Atomics.load(this.#words, words.stopped) !== 0;
  }

  /** Whether the next piece is waited for. */
  get waits(): boolean {
    return Atomics.load(this.#words, words.waits) !== 0;
  }

  /** Changes with every piece that comes. */
  get count(): number {
    return Atomics.load(this.#words, words.pieces);
  }

  stop(): void {
    Atomics.store(this.#words, words.stopped, 1);
  }

  beginWait(): void {
    Atomics.store(this.#words, words.waits, 1);
  }

  pieceCame(): void {
    Atomics.add(this.#words, words.pieces, 1);
  }

  endWait(): void {
    Atomics.store(this.#words, words.waits, 0);
  }
}
