import { IceMarshalError, type IceIdentity, type IceProxy } from './values.ts';

/** Grows a buffer with Ice's primitive values, little-endian. Refuses what would not arrive as it was. */
export class IceOutput {
  #buffer = Buffer.allocUnsafe(512);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; they stay the output's own and change with it. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#buffer.writeUInt8(integer(value, 0, 255, 'byte'), at);
  }

  short(value: number): void {
    const at = this.#room(2);
    this.#buffer.writeInt16LE(integer(value, -32768, 32767, 'short'), at);
  }

  int(value: number): void {
    const at = this.#room(4);
    this.#buffer.writeInt32LE(integer(value, -2147483648, 2147483647, 'int'), at);
  }

  long(value: number | bigint): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      throw new IceMarshalError(`${value} is no integer that a number holds exactly: use a bigint`);
    const exact = BigInt(value);
    if (BigInt.asIntN(64, exact) !== exact) throw new IceMarshalError(`${value} does not fit into a long`);
    const at = this.#room(8);
    this.#buffer.writeBigInt64LE(exact, at);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#buffer.writeFloatLE(value, at);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#buffer.writeDoubleLE(value, at);
  }

  /** A size: one byte below 255, else 255 and an int. */
  size(value: number): void {
    if (value < 255) {
      this.byte(value);
    } else {
      this.byte(255);
      this.int(value);
    }
  }

  string(value: string): void {
    // A lone surrogate would silently become U+FFFD: another name than the one asked for.
    if (/\p{Surrogate}/u.test(value)) throw new IceMarshalError('a string with a lone surrogate has no UTF-8 form');
    const bytes = Buffer.byteLength(value);
    this.size(bytes);
    const at = this.#room(bytes);
    this.#buffer.write(value, at, 'utf8');
  }

  strings(values: Iterable<string>): void {
    const list = [...values];
    this.size(list.length);
    for (const value of list) this.string(value);
  }

  identity(identity: IceIdentity): void {
    this.string(identity.name);
    this.string(identity.category);
  }

  facet(facet: string): void {
    this.strings(facet === '' ? [] : [facet]);
  }

  context(context: ReadonlyMap<string, string>): void {
    this.size(context.size);
    for (const [key, value] of context) {
      this.string(key);
      this.string(value);
    }
  }

  proxy(proxy: IceProxy | null): void {
    if (proxy === null) return this.identity({ category: '', name: '' });
    if (proxy.identity.name === '') throw new IceMarshalError('a proxy without a name would arrive as null');
    this.identity(proxy.identity);
    this.facet(proxy.facet);
    this.byte(proxy.mode);
    this.bool(proxy.secure);
    this.size(proxy.endpoints.length);
    if (proxy.endpoints.length === 0) this.string(proxy.adapterId);
    for (const { type, body } of proxy.endpoints) {
      this.short(type);
      this.int(body.length + 4);
      this.raw(body);
    }
  }

  /** Writes an int that counts itself and what `write` adds. */
  sized(write: () => void): void {
    const at = this.#room(4);
    write();
    this.#buffer.writeInt32LE(this.#length - at, at);
  }

  /** An encapsulation of encoding 1.0. */
  encapsulation(write: () => void): void {
    this.sized(() => {
      this.byte(1);
      this.byte(0);
      write();
    });
  }

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
}

function integer(value: number, least: number, most: number, type: string): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new IceMarshalError(`${value} does not fit into a ${type}`);
  return value;
}
