import type { FileHandle } from 'node:fs/promises';

/** A file that is no image that can be read; the message says why. */
export class UnreadableImage extends Error {
  /** True when the format is not known at all, so that the file is no candidate for an import. */
  readonly unknownFormat: boolean;

  constructor(message: string, options: { unknownFormat?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.unknownFormat = options.unknownFormat ?? false;
  }
}

/** One full-resolution page of a TIFF file. */
export interface TiffPage {
  /** Place in the chain of directories, from 0. */
  readonly index: number;
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly samples: number;
  /** 1 unsigned, 2 signed, 3 floating point. */
  readonly sampleFormat: number;
  /** ImageDescription: OME-XML, ImageJ's lines or anything else. */
  readonly description: string;
}

const maxPages = 100_000;
const maxText = 32 << 20;
const maxSegments = 4_000_000;
/** Bytes of one value by TIFF's number of its type. */
const typeSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Where the values lie in the file. */
  readonly at: number;
}

/**
 * Walks the directories of a TIFF or BigTIFF file and checks that every strip and tile lies within the file, which
 * tells a truncated one without decoding it. Thumbnails and smaller resolutions are left out. Nothing read is trusted.
 */
export async function readTiffPages(file: FileHandle, size: number): Promise<TiffPage[]> {
  const reader = await Reader.open(file, size);
  const pages: TiffPage[] = [];
  const seen = new Set<number>();
  let next = reader.first;
  for (let index = 0; next !== 0; index++) {
    if (seen.has(next)) throw new UnreadableImage('its directories form a circle');
    if (index >= maxPages) throw new UnreadableImage(`it has more than ${maxPages} directories`);
    seen.add(next);
    const directory = await reader.directory(next);
    next = directory.next;
    const page = await pageOf(reader, directory.entries, index);
    if (page) pages.push(page);
  }
  if (pages.length === 0) throw new UnreadableImage('it has no image');
  return pages;
}

async function pageOf(reader: Reader, entries: ReadonlyMap<number, Entry>, index: number): Promise<TiffPage | null> {
  const number = async (tag: number, missing: number): Promise<number> =>
    (await reader.numbers(entries.get(tag), 1))[0] ?? missing;
  // Bit 0: a smaller version of another page.
  if ((await number(254, 0)) % 2 === 1) return null;
  const [width, height] = [await number(256, 0), await number(257, 0)];
  if (width < 1 || height < 1 || width > 1 << 24 || height > 1 << 24)
    throw new UnreadableImage(`page ${index + 1} has no sensible size`);
  const bits = await reader.numbers(entries.get(258), 64);
  const samples = await number(277, 1);
  if (samples < 1 || samples > 64) throw new UnreadableImage(`page ${index + 1} has ${samples} samples per pixel`);
  if (bits.some((b) => b !== bits[0])) throw new UnreadableImage(`page ${index + 1} mixes depths of pixels`);
  await checkSegments(reader, entries, index);
  return {
    index,
    width,
    height,
    bits: bits[0] ?? 1,
    samples,
    sampleFormat: await number(339, 1),
    description: await reader.text(entries.get(270)),
  };
}

async function checkSegments(reader: Reader, entries: ReadonlyMap<number, Entry>, index: number): Promise<void> {
  const tiled = entries.has(324);
  const offsets = await reader.numbers(entries.get(tiled ? 324 : 273), maxSegments);
  const lengths = await reader.numbers(entries.get(tiled ? 325 : 279), maxSegments);
  if (offsets.length === 0 || offsets.length !== lengths.length)
    throw new UnreadableImage(`page ${index + 1} does not say where its pixels are`);
  for (const [i, offset] of offsets.entries())
    if (offset + (lengths[i] ?? 0) > reader.size)
      throw new UnreadableImage(`the file ends before the pixels of page ${index + 1}: it is truncated`);
}

class Reader {
  readonly size: number;
  first = 0;
  readonly #file: FileHandle;
  readonly #little: boolean;
  readonly #big: boolean;

  private constructor(file: FileHandle, size: number, little: boolean, big: boolean) {
    this.#file = file;
    this.size = size;
    this.#little = little;
    this.#big = big;
  }

  static async open(file: FileHandle, size: number): Promise<Reader> {
    const head = Buffer.alloc(16);
    await file.read(head, 0, 16, 0);
    const order = head.toString('latin1', 0, 2);
    const little = order === 'II';
    const magic = little ? head.readUInt16LE(2) : head.readUInt16BE(2);
    if ((order !== 'II' && order !== 'MM') || (magic !== 42 && magic !== 43))
      throw new UnreadableImage('it is no TIFF file', { unknownFormat: true });
    const reader = new Reader(file, size, little, magic === 43);
    reader.first = magic === 43 ? reader.#long(head, 8) : reader.#int(head, 4);
    return reader;
  }

  async directory(at: number): Promise<{ entries: Map<number, Entry>; next: number }> {
    const countBytes = this.#big ? 8 : 2;
    const entryBytes = this.#big ? 20 : 12;
    const head = await this.#read(at, countBytes);
    const count = this.#big ? this.#long(head, 0) : this.#short(head, 0);
    if (count > 10_000) throw new UnreadableImage('a directory has too many entries');
    const start = at + countBytes;
    const bytes = await this.#read(start, count * entryBytes + (this.#big ? 8 : 4));
    const entries = new Map<number, Entry>();
    for (let i = 0; i < count; i++) {
      const from = i * entryBytes;
      const type = this.#short(bytes, from + 2);
      const values = this.#big ? this.#long(bytes, from + 4) : this.#int(bytes, from + 4);
      const inline = this.#big ? 8 : 4;
      const valueAt = from + (this.#big ? 12 : 8);
      const fits = values * (typeSizes[type] ?? 0) <= inline;
      const at2 = fits ? start + valueAt : this.#big ? this.#long(bytes, valueAt) : this.#int(bytes, valueAt);
      entries.set(this.#short(bytes, from), { type, count: values, at: at2 });
    }
    const end = count * entryBytes;
    return { entries, next: this.#big ? this.#long(bytes, end) : this.#int(bytes, end) };
  }

  /** Values of an entry that holds whole numbers; an absent entry has none. */
  async numbers(entry: Entry | undefined, most: number): Promise<number[]> {
    if (!entry) return [];
    const size = typeSizes[entry.type] ?? 0;
    if (![1, 3, 4, 13, 16].includes(entry.type)) throw new UnreadableImage('an entry is of an unexpected type');
    if (entry.count > most) throw new UnreadableImage('an entry has too many values');
    const bytes = await this.#read(entry.at, entry.count * size);
    return Array.from({ length: entry.count }, (_, i) => {
      if (size === 1) return bytes[i] ?? 0;
      if (size === 2) return this.#short(bytes, i * 2);
      return size === 4 ? this.#int(bytes, i * 4) : this.#long(bytes, i * 8);
    });
  }

  async text(entry: Entry | undefined): Promise<string> {
    if (!entry || entry.type !== 2) return '';
    if (entry.count > maxText) throw new UnreadableImage('its description is too long');
    return (await this.#read(entry.at, entry.count)).toString('utf8').replace(/\0+$/, '');
  }

  async #read(at: number, length: number): Promise<Buffer> {
    if (at < 0 || length < 0 || at + length > this.size) throw new UnreadableImage('it is truncated');
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, at);
    if (bytesRead < length) throw new UnreadableImage('it is truncated');
    return buffer;
  }

  #short(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #int(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  #long(bytes: Buffer, at: number): number {
    const value = this.#little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new UnreadableImage('an offset lies outside the file');
    return Number(value);
  }
}
