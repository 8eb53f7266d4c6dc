/** A line that is written over while something goes on, on a terminal; elsewhere only what is printed for good. */
export class LiveLine {
  readonly #out: NodeJS.WriteStream;
  readonly #on: boolean;
  #shownAt = 0;
  #live = false;

  constructor(out: NodeJS.WriteStream, on = true) {
    this.#out = out;
    this.#on = on && out.isTTY;
  }

  /** Shows what goes on now, at most ten times a second. */
  show(text: string): void {
    const now = performance.now();
    if (!this.#on || now - this.#shownAt < 100) return;
    this.#shownAt = now;
    const width = Math.max(20, this.#out.columns || 80) - 1;
    this.#out.write(`\r\u001b[2K${text.length > width ? `${text.slice(0, 2)}…${text.slice(3 - width)}` : text}`);
    this.#live = true;
  }

  print(text: string): void {
    if (this.#live) this.#out.write('\r\u001b[2K');
    this.#live = false;
    this.#out.write(`${text}\n`);
  }
}
