/** What a zip reads as, against what was written: SHA-256 over all, and the CRC-32 of every entry's data. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Where data lie in the zip, how many bytes, and their CRC-32: three numbers for each entry, in order. */
export type Expected = number[];

export class ZipCheck {
  readonly #hash = createHash('sha256');
  #expected: Expected = [];
  #next = 0;
  #entries = 0;
  #at = 0;
  #crc = 0;

  /** What is to be found in bytes that have not been taken yet. */
  expect(more: Expected): void {
    this.#expected = this.#next < this.#expected.length ? [...this.#expected.slice(this.#next), ...more] : more;
    this.#next = 0;
  }

  /** Takes the bytes that follow. Throws when an entry's data are not as they were written. */
  take(chunk: Buffer): void {
    this.#hash.update(chunk);
    const end = this.#at + chunk.length;
    for (; this.#next < this.#expected.length; this.#next += 3) {
      const start = this.#expected[this.#next] ?? 0;
      const stop = start + (this.#expected[this.#next + 1] ?? 0);
      if (start >= end && stop > start) break;
      this.#crc = crc32(
        chunk.subarray(Math.max(start, this.#at) - this.#at, Math.min(stop, end) - this.#at),
        this.#crc,
      );
      if (stop > end) break;
      this.#entries++;
      if (this.#crc !== this.#expected[this.#next + 2])
        throw new Error(`entry ${this.#entries} of the zip does not read as written`);
      this.#crc = 0;
    }
    this.#at = end;
  }

  /** The SHA-256 of all; throws when that is not everything. */
  finish(bytes: number): string {
    if (this.#at !== bytes || this.#next < this.#expected.length)
      throw new Error(`the zip has ${this.#at} bytes instead of ${bytes}`);
    return this.#hash.digest('hex');
  }
}
