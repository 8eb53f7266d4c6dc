/**
 * Sends to the disk what has been written while more arrives, so that little is left to wait for at the end. Whoever asks
 * for a `sync -f` is told once of what could not be written since the last one, so a failed one is not forgotten: then
 * every file is asked for itself.
 */
import { syncEach, syncFileSystem, syncTree } from './sync.ts';

/** A second's worth, on a fast connection. */
const everyBytes = 256 * 1024 * 1024;

export class EarlySync {
  readonly #root: string;
  readonly #signal: AbortSignal;
  readonly #every: number;
  #running: Promise<void> | null = null;
  #failed = false;
  #synced = 0;

  /** `root`: folder on the file system that is written to. */
  constructor(root: string, signal: AbortSignal, every = everyBytes) {
    this.#root = root;
    this.#signal = signal;
    this.#every = every;
  }

  /** So many bytes have arrived in all. */
  arrived(bytes: number): void {
    if (this.#running || this.#failed || bytes - this.#synced < this.#every) return;
    this.#synced = bytes;
    this.#running = syncFileSystem(this.#root, this.#signal)
      .catch(() => {
        this.#failed = true;
      })
      .finally(() => {
        this.#running = null;
      });
  }

  /** Makes everything below the root durable. Throws what the disk refused, also earlier. */
  async finish(): Promise<void> {
    await this.settle();
    this.#signal.throwIfAborted();
    await (this.#failed ? syncEach : syncTree)(this.#root, this.#signal);
  }

  /** Waits for what is under way, when the rest is not wanted any more. */
  async settle(): Promise<void> {
    await this.#running;
  }
}
