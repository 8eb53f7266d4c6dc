/** Lets a loop sleep until a time has passed or somebody calls `wake` with its key. Hints only: nothing depends on one. */
export class Wakeups {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Ends the sleep of everyone who waits for this key. */
  wake(key: string): void {
    for (const end of this.#waiting.get(key) ?? []) end();
  }

  /** Resolves after `ms` milliseconds, at a wake-up, or when the signal aborts, whichever comes first. */
  wait(key: string, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiters);
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        waiters.delete(end);
        if (waiters.size === 0 && this.#waiting.get(key) === waiters) this.#waiting.delete(key);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      waiters.add(end);
    });
  }
}
