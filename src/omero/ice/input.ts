import { IceMarshalError, type IceEndpoint, type IceIdentity, type IceProxy } from './values.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads Ice's primitive values out of one message's bytes. Whatever the bytes claim, nothing beyond them is read and
 * nothing larger than them allocated; a violation throws IceMarshalError.
 */
export class IceInput {
  readonly #bytes: Buffer;
  #at: number;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.length;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  bool(): boolean {
    const value = this.byte();
    if (value > 1) throw new IceMarshalError(`${value} is no bool`);
    return value === 1;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  short(): number {
    return this.#bytes.readInt16LE(this.#take(2));
  }

  int(): number {
    return this.#bytes.readInt32LE(this.#take(4));
  }

  /** A number, or a bigint when a number would not hold it exactly. */
  long(): number | bigint {
    const value = this.#bytes.readBigInt64LE(this.#take(8));
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  size(): number {
    const short = this.byte();
    if (short < 255) return short;
    const long = this.int();
    if (long < 0) throw new IceMarshalError('a size is negative');
    return long;
  }

  /** The number of elements of a sequence; each takes at least `smallest` bytes of what is left. */
  count(smallest: number): number {
    const count = this.size();
    if (count * Math.max(smallest, 1) > this.remaining)
      throw new IceMarshalError(`${count} elements cannot lie in the ${this.remaining} bytes left`);
    return count;
  }

  /** A copy, so that a small value does not keep a large message in memory. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  string(): string {
    const length = this.size();
    const at = this.#take(length);
    const text = this.#bytes.toString('utf8', at, at + length);
    // Only text with the replacement character can have been wrong: the strict decoder is several times slower.
    if (!text.includes('\ufffd')) return text;
    try {
      return strictUtf8.decode(this.#bytes.subarray(at, at + length));
    } catch (error) {
      throw new IceMarshalError('a string is not UTF-8', { cause: error });
    }
  }

  strings(): string[] {
    return Array.from({ length: this.count(1) }, () => this.string());
  }

  identity(): IceIdentity {
    const name = this.string();
    const category = this.string();
    return { category, name };
  }

  facet(): string {
    const path = this.strings();
    if (path.length > 1) throw new IceMarshalError('a facet path has more than one part');
    return path[0] ?? '';
  }

  context(): Map<string, string> {
    const context = new Map<string, string>();
    for (let left = this.count(2); left > 0; left--) {
      const key = this.string();
      context.set(key, this.string());
    }
    return context;
  }

  proxy(): IceProxy | null {
    const identity = this.identity();
    if (identity.name === '') {
      if (identity.category !== '') throw new IceMarshalError('a proxy has a category and no name');
      return null;
    }
    const facet = this.facet();
    const mode = this.byte();
    if (mode > 4) throw new IceMarshalError(`a proxy has the unknown mode ${mode}`);
    const secure = this.bool();
    const endpoints: IceEndpoint[] = [];
    const count = this.count(8);
    const adapterId = count === 0 ? this.string() : '';
    for (let i = 0; i < count; i++) {
      const type = this.short();
      const length = this.int() - 4;
      if (length < 2) throw new IceMarshalError('an endpoint is shorter than its header');
      endpoints.push({ type, body: this.raw(length) });
    }
    return { identity, facet, mode, secure, endpoints, adapterId };
  }

  /** Reads an int that counts itself and what follows it, then `read` within those bytes; what it leaves is skipped. */
  sized<T>(read: () => T): T {
    const outer = this.#end;
    const length = this.int() - 4;
    if (length < 0 || length > this.remaining) throw new IceMarshalError('an inner size reaches beyond what holds it');
    this.#end = this.#at + length;
    const result = read();
    this.#at = this.#end;
    this.#end = outer;
    return result;
  }

  /** The body of an encapsulation, which must be of encoding 1.0. */
  encapsulation(): IceInput {
    return this.sized(() => {
      const major = this.byte();
      const minor = this.byte();
      if (major !== 1 || minor !== 0) throw new IceMarshalError(`encoding ${major}.${minor} is not 1.0`);
      const at = this.#take(this.remaining);
      return new IceInput(this.#bytes.subarray(at, this.#at));
    });
  }

  expectEnd(): void {
    if (this.remaining > 0) throw new IceMarshalError(`${this.remaining} bytes are left over`);
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining)
      throw new IceMarshalError(`${length} bytes are wanted and ${this.remaining} left`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
