/** Notices a stream that brings nothing any more. Time in which nobody reads does not count. */
export class IdleWatch {
  /** True once the stream has been given up. */
  expired = false;
  #waitingSince: number | null = null;
  #elsewhere: { readonly waits: boolean; readonly count: number } | null = null;
  #count = 0;
  readonly #timer: NodeJS.Timeout;

  /** Calls `giveUp` when the reader has waited `limitMs` for the next piece. */
  constructor(limitMs: number, giveUp: () => void) {
    const look = (): void => {
      if (this.#elsewhere) this.#lookElsewhere(this.#elsewhere);
      if (this.expired || this.#waitingSince === null || performance.now() - this.#waitingSince < limitMs) return;
      this.expired = true;
      giveUp();
    };
    this.#timer = setInterval(look, Math.max(20, limitMs / 10));
    this.#timer.unref();
  }

  async *watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.#waitingSince = performance.now();
    for await (const chunk of source) {
      this.#waitingSince = null;
      yield chunk;
      this.#waitingSince = performance.now();
    }
    this.#waitingSince = null;
  }

  /** Watches what is read elsewhere: whether its next piece is waited for, and a number that changes with every piece. */
  watchElsewhere(reading: { readonly waits: boolean; readonly count: number }): void {
    this.#elsewhere = reading;
  }

  #lookElsewhere({ waits, count }: { readonly waits: boolean; readonly count: number }): void {
    if (!waits || count !== this.#count) this.#waitingSince = null;
    if (waits) this.#waitingSince ??= performance.now();
    this.#count = count;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
