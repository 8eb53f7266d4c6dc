/**
 * Takes a stream apart by lengths, without copying what lies in one piece of it. What a call gives is lent: it may lie in
 * memory that the source uses again for what the next call reads.
 */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; fewer, perhaps none, only when the stream ended. */
  async exactly(length: number): Promise<Buffer> {
    if (this.#rest.length >= length) return this.#take(length);
    const whole = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const part = await this.some(length - filled);
      if (part.length === 0) break;
      filled += part.copy(whole, filled);
    }
    return whole.subarray(0, filled);
  }

  /** What is at hand, at least one byte and at most `most`; empty only when the stream ended. */
  async some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const next = await this.#source.next();
      if (next.done) return this.#rest;
      this.#rest = next.value;
    }
    return this.#take(Math.min(most, this.#rest.length));
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}
