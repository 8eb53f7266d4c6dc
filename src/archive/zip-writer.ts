/**
 * Writes a zip archive in one go while its entries arrive. An entry's header is set right behind its data, so no data
 * descriptors are needed and every tool can read the result; zip64 where sizes ask for it. Entries are stored, or
 * lightly deflated where a sample shows that it pays. After `finish` the file is never written again.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { constants, createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import { packSmall, pays, type PackedEntry } from './zip-pack.ts';
import { centralRecord, endRecords, localHeader, type ZipRecord } from './zip-records.ts';

export class ZipWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #end = 0;
  #count = 0;
  #streaming = false;
  readonly #central: Buffer[] = [];
  /** Where data lie and their CRC-32, in order: for reading back. */
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #crcs: number[] = [];

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Begins a new file; it must not exist. */
  static async create(path: string): Promise<ZipWriter> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return new ZipWriter(path, await open(path, flags, 0o666));
  }

  /** Adds a small file. Its place is taken at once; several may be written at the same time. */
  async add(name: string, data: Buffer, crc: number, mtime: number): Promise<void> {
    if (this.#streaming) throw new Error('an entry of the zip is still open');
    const { entry, header, packed } = packSmall(name, data, crc, mtime, this.#end);
    const at = this.#end;
    this.#end += header.length + packed.length;
    this.#note({ ...entry.record, name: Buffer.from(name) }, entry.headerBytes, entry.packedCrc);
    await this.#write(at, Buffer.concat([header, packed]));
  }

  /** Adds entries that `packSmall` made elsewhere, one behind the other from 0. */
  async addPacked(entries: readonly PackedEntry[], data: Buffer): Promise<void> {
    if (this.#streaming) throw new Error('an entry of the zip is still open');
    const at = this.#end;
    this.#end += data.length;
    for (const { record, headerBytes, packedCrc } of entries)
      this.#note({ ...record, name: Buffer.from(record.name), offset: record.offset + at }, headerBytes, packedCrc);
    await this.#write(at, data);
  }

  /** Adds an empty folder. */
  async addFolder(name: string, mtime: number): Promise<void> {
    await this.add(`${name}/`, Buffer.alloc(0), 0, mtime);
  }

  /** Begins a large file of known size; nothing else may be added until it is closed. `first`: how its data begin. */
  begin(name: string, bytes: number, mtime: number, first: Buffer): ZipEntryWriter {
    const record = this.#record(name, bytes, mtime, pays(first) ? 8 : 0);
    const headerLength = localHeader(record).length;
    this.#end += headerLength;
    this.#streaming = true;
    let packedCrc = 0;
    const append = async (data: Buffer): Promise<void> => {
      const at = this.#end;
      this.#end += data.length;
      record.packed += data.length;
      packedCrc = crc32(data, packedCrc);
      await this.#write(at, data);
    };
    return new ZipEntryWriter(record.method === 8, append, async (crc) => {
      record.crc = crc;
      this.#note(record, headerLength, packedCrc);
      await this.#write(record.offset, localHeader(record));
      this.#streaming = false;
    });
  }

  /** Writes the directory and closes the file. Gives its size in bytes. */
  async finish(): Promise<number> {
    const at = this.#end;
    const directory = Buffer.concat(this.#central);
    const end = endRecords(this.#count, directory.length, at);
    await this.#write(at, Buffer.concat([directory, end]));
    this.#end += directory.length + end.length;
    await this.#file.close();
    return this.#end;
  }

  /** Closes the file when it will not be finished. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  /**
   * Reads the finished file back: SHA-256 over all, and the CRC-32 of every entry's data against the one taken when it
   * was written. Throws when they differ.
   */
  async readBack(): Promise<{ sha256: string }> {
    const hash = createHash('sha256');
    let at = 0;
    let entry = 0;
    let crc = 0;
    for await (const chunk of createReadStream(this.#path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      const end = at + chunk.length;
      for (; entry < this.#starts.length; entry++) {
        const start = this.#starts[entry] ?? 0;
        const stop = start + (this.#lengths[entry] ?? 0);
        if (start >= end && stop > start) break;
        crc = crc32(chunk.subarray(Math.max(start, at) - at, Math.min(stop, end) - at), crc);
        if (stop > end) break;
        if (crc !== this.#crcs[entry]) throw new Error(`entry ${entry + 1} of ${this.#path} does not read as written`);
        crc = 0;
      }
      at = end;
    }
    if (at !== this.#end || entry !== this.#starts.length)
      throw new Error(`${this.#path} has ${at} bytes instead of ${this.#end}`);
    return { sha256: hash.digest('hex') };
  }

  #record(name: string, bytes: number, mtime: number, method: 0 | 8): ZipRecord {
    if (this.#streaming) throw new Error('an entry of the zip is still open');
    return { name: Buffer.from(name), bytes, packed: 0, crc: 0, method, mtime, offset: this.#end };
  }

  #note(record: ZipRecord, headerLength: number, packedCrc: number): void {
    this.#count++;
    this.#central.push(centralRecord(record));
    if (this.#central.length >= 4096) this.#central.splice(0, this.#central.length, Buffer.concat(this.#central));
    this.#starts.push(record.offset + headerLength);
    this.#lengths.push(record.packed);
    this.#crcs.push(packedCrc);
  }

  async #write(at: number, data: Buffer): Promise<void> {
    for (let done = 0; done < data.length;)
      done += (await this.#file.write(data, done, data.length - done, at + done)).bytesWritten;
  }
}

/** One large entry on its way into the zip. */
export class ZipEntryWriter {
  readonly #append: (data: Buffer) => Promise<void>;
  readonly #close: (crc: number) => Promise<void>;
  readonly #deflate: DeflateRaw | null;
  readonly #pump: Promise<void>;

  constructor(deflate: boolean, append: (data: Buffer) => Promise<void>, close: (crc: number) => Promise<void>) {
    this.#append = append;
    this.#close = close;
    this.#deflate = deflate ? createDeflateRaw({ level: 1, chunkSize: 256 * 1024 }) : null;
    this.#pump = this.#deflate ? pump(this.#deflate, append) : Promise.resolve();
    this.#pump.catch(() => {});
  }

  async write(data: Buffer): Promise<void> {
    if (!this.#deflate) return this.#append(data);
    if (!this.#deflate.write(data)) await Promise.race([once(this.#deflate, 'drain'), this.#pump]);
  }

  /** Ends the entry; `crc` is the CRC-32 of all that was given to `write`. */
  async close(crc: number): Promise<void> {
    this.#deflate?.end();
    await this.#pump;
    await this.#close(crc);
  }

  /** Gives up, when the entry will not be closed. */
  async abandon(): Promise<void> {
    this.#deflate?.destroy();
    await this.#pump.catch(() => {});
  }
}

async function pump(deflate: DeflateRaw, append: (data: Buffer) => Promise<void>): Promise<void> {
  for await (const part of deflate as AsyncIterable<Buffer>) await append(part);
}
