/**
 * Slows guessing of passwords down: so many failures in a window, per user name and per address, then a pause. Kept in
 * memory; OMERO itself delays failed logins as well.
 */
export class SignInAttempts {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #failures = new Map<string, number[]>();

  constructor({ limit = 10, windowMs = 15 * 60_000 }: { limit?: number; windowMs?: number } = {}) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Seconds until these keys may try again; 0: now. */
  waitSeconds(keys: readonly string[], now = Date.now()): number {
    const waits = keys.map((key) => {
      const recent = this.#recent(key, now);
      const oldest = recent[recent.length - this.#limit];
      return oldest === undefined ? 0 : Math.ceil((oldest + this.#windowMs - now) / 1000);
    });
    return Math.max(0, ...waits);
  }

  failed(keys: readonly string[], now = Date.now()): void {
    // Names are whatever somebody typed: the memory for them is bounded.
    if (this.#failures.size > 10_000)
      for (const key of [...this.#failures.keys()]) if (!this.#recent(key, now).length) this.#failures.delete(key);
    if (this.#failures.size > 10_000) this.#failures.clear();
    for (const key of keys) this.#failures.set(key, [...this.#recent(key, now), now].slice(-this.#limit));
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  #recent(key: string, now: number): number[] {
    return (this.#failures.get(key) ?? []).filter((at) => at > now - this.#windowMs);
  }
}
