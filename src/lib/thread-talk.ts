import type { Worker } from 'node:worker_threads';

/** Orders to a thread and its answers. What it fails with, also that it has ended, ends every wait from then on. */
export class ThreadTalk<Order, Answer> {
  readonly #thread: Worker;
  #failed: { error: unknown } | null = null;
  #wake: (() => void) | null = null;

  /**
   * @param hear takes in an answer, before the one who waits looks again
   * @param ended what is said of a thread that has ended
   */
  constructor(thread: Worker, hear: (answer: Answer) => void, ended: string) {
    this.#thread = thread;
    thread.on('message', (answer: Answer) => {
      hear(answer);
      this.#wake?.();
    });
    thread.on('error', (error) => this.fail(error));
    thread.on('exit', () => this.fail(new Error(ended)));
  }

  say(order: Order): void {
    this.#thread.postMessage(order);
  }

  /** The first error counts. */
  fail(error: unknown): void {
    this.#failed ??= { error };
    this.#wake?.();
  }

  /** Waits until an answer has made it so; by one caller at a time. Throws what the thread failed with. */
  async until(ready: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failed) throw this.#failed.error;
      if (ready()) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
