/**
 * Reads a tar stream strictly: POSIX (pax) and GNU form, names as raw bytes, and an end that the writer has set. What
 * it cannot be sure of is an error; which entries are welcome is for the caller to say. Nothing is written here.
 */
import { ByteReader } from './byte-reader.ts';
import { showName } from './entry-name.ts';

export class TarError extends Error {}

export interface TarEntry {
  /** As in the stream, unchecked. */
  name: Buffer;
  type: 'file' | 'folder' | 'symbolic link' | 'hard link' | 'device' | 'named pipe' | 'unknown kind of entry';
  bytes: number;
  /** Seconds since 1970. */
  mtime: number;
}

/**
 * A reader is asked in turns: `next`, then the entry's whole body by `whole` or `some`, then `next` again. Names and bodies
 * are lent until the next turn.
 */
export class TarReader {
  readonly #bytes: ByteReader;
  #left = 0;
  #padding = 0;
  #entries = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#bytes = new ByteReader(source);
  }

  /** The next entry, or null behind the end mark; then the rest of the stream has been read too. Throws TarError. */
  async next(): Promise<TarEntry | null> {
    if (this.#left > 0) throw new Error('the body of the entry before was not read');
    let longName: Buffer | null = null;
    let pax = new Map<string, Buffer>();
    for (;;) {
      await this.#skipPadding();
      const header = await this.#bytes.exactly(512);
      if (header.length < 512)
        throw new TarError(`the stream ended after ${this.#entries} entries without an end mark`);
      if (isZero(header)) {
        await this.#readToEnd();
        return null;
      }
      this.#checkHeader(header);
      const type = String.fromCharCode(header[156] ?? 0);
      const bytes = pax.has('size') && !'xgLK'.includes(type) ? decimal(pax.get('size')) : numberField(header, 124, 12);
      this.#padding = (512 - (bytes % 512)) % 512;
      if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
        const body = await this.#extra(bytes);
        if (type === 'L') longName = trimEnd(body);
        if (type === 'x') pax = parsePax(body);
        if (type === 'g') refuseGlobal(parsePax(body));
        continue;
      }
      if ([...pax.keys()].some((key) => key.startsWith('GNU.sparse'))) throw new TarError('an entry is a sparse file');
      this.#entries++;
      const entry: TarEntry = {
        name: pax.get('path') ?? longName ?? headerName(header),
        type: typeOf(type),
        bytes,
        mtime: pax.has('mtime') ? Number(pax.get('mtime')?.toString('latin1')) || 0 : numberField(header, 136, 12),
      };
      if (entry.type === 'file' && entry.name.at(-1) === 0x2f) entry.type = 'folder';
      if (entry.type === 'folder' && bytes > 0) throw new TarError('a folder has content');
      this.#left = bytes;
      return entry;
    }
  }

  /** The whole body of the entry at hand. */
  async whole(): Promise<Buffer> {
    const body = await this.#bytes.exactly(this.#left);
    if (body.length < this.#left) throw this.#cut(body.length);
    this.#left = 0;
    return body;
  }

  /** The next piece of the body; empty when it is complete. */
  async some(): Promise<Buffer> {
    if (this.#left === 0) return Buffer.alloc(0);
    const piece = await this.#bytes.some(this.#left);
    if (piece.length === 0) throw this.#cut(0);
    this.#left -= piece.length;
    return piece;
  }

  #cut(got: number): TarError {
    return new TarError(`the stream ended inside entry ${this.#entries}, ${this.#left - got} bytes before its end`);
  }

  async #skipPadding(): Promise<void> {
    if (this.#padding === 0) return;
    const padding = await this.#bytes.exactly(this.#padding);
    if (padding.length < this.#padding) throw this.#cut(0);
    this.#padding = 0;
  }

  async #extra(bytes: number): Promise<Buffer> {
    if (bytes > 1024 * 1024) throw new TarError(`a header of ${bytes} bytes is longer than any name can be`);
    const body = await this.#bytes.exactly(bytes);
    if (body.length < bytes) throw this.#cut(body.length);
    // It is needed while the next header is read, and this one is only lent.
    return Buffer.from(body);
  }

  async #readToEnd(): Promise<void> {
    const second = await this.#bytes.exactly(512);
    if (second.length < 512 || !isZero(second)) throw new TarError('the end mark of the stream is incomplete');
    for (;;) {
      const rest = await this.#bytes.some(65536);
      if (rest.length === 0) return;
      if (!isZero(rest)) throw new TarError('something follows the end mark of the stream');
    }
  }

  #checkHeader(header: Buffer): void {
    let sum = 8 * 32;
    for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += header[i] ?? 0;
    if (header.toString('latin1', 257, 262) === 'ustar' && sum === numberField(header, 148, 8)) return;
    const text = showName(header.subarray(0, 60));
    throw new TarError(
      this.#entries === 0
        ? `the stream does not begin as tar does, but with "${text}" (a login script that prints?)`
        : `the header after entry ${this.#entries} is damaged`,
    );
  }
}

function typeOf(flag: string): TarEntry['type'] {
  if (flag === '0' || flag === '\0') return 'file';
  if (flag === '5') return 'folder';
  if (flag === '2') return 'symbolic link';
  if (flag === '1') return 'hard link';
  if (flag === '3' || flag === '4') return 'device';
  if (flag === '6') return 'named pipe';
  return 'unknown kind of entry';
}

/** Octal digits, or GNU's base 256 for what does not fit into them. */
function numberField(header: Buffer, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  const first = field[0] ?? 0;
  if (first & 0x80) {
    // Negative times exist in this form; as a time nobody needs them, as a size they are refused below.
    if (first & 0x40) return at === 136 ? 0 : fail('a number is negative');
    let value = first & 0x3f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : fail('a number is too large');
  }
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (!/^[0-7]*$/.test(text)) fail('a number cannot be read');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function decimal(value: Buffer | undefined): number {
  const text = value?.toString('latin1') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : fail('a size cannot be read');
}

function headerName(header: Buffer): Buffer {
  const name = untilNul(header.subarray(0, 100));
  const prefix = header[262] === 0 ? untilNul(header.subarray(345, 500)) : Buffer.alloc(0);
  return prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name;
}

function parsePax(body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? 0 : decimal(body.subarray(at, space));
    const equals = body.indexOf(0x3d, space);
    if (
      length <= 0 ||
      at + length > body.length ||
      body[at + length - 1] !== 0x0a ||
      equals < 0 ||
      equals >= at + length
    )
      fail('an extended header cannot be read');
    records.set(body.toString('utf8', space + 1, equals), body.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

function refuseGlobal(records: Map<string, Buffer>): void {
  for (const key of ['path', 'size', 'linkpath']) if (records.has(key)) fail(`a global header sets "${key}"`);
}

function untilNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** GNU ends a long name with one NUL; any other NUL is part of the name, and refused later. */
function trimEnd(body: Buffer): Buffer {
  return body.at(-1) === 0 ? body.subarray(0, -1) : body;
}

function isZero(buffer: Buffer): boolean {
  return buffer.every((byte) => byte === 0);
}

function fail(reason: string): never {
  throw new TarError(reason);
}
