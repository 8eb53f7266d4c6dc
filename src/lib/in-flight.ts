/** Keeps a bounded number of promises going; the first failure comes out at the next `add` or at `settle`. */
export class InFlight {
  readonly #limit: number;
  readonly #going = new Set<Promise<void>>();
  #failed: { error: unknown } | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits until there is room, then lets `work` go on by itself. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#going.size >= this.#limit && !this.#failed) await Promise.race(this.#going);
    if (this.#failed) throw this.#failed.error;
    const going: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failed ??= { error };
      })
      .finally(() => this.#going.delete(going));
    this.#going.add(going);
  }

  /** Waits until nothing goes on any more, and throws the first failure. */
  async settle(): Promise<void> {
    while (this.#going.size > 0) await Promise.all(this.#going);
    if (this.#failed) throw this.#failed.error;
  }
}
