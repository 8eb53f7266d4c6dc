/**
 * Writes a zip archive in one go while its entries arrive. An entry's header is set right behind its data, so no data
 * descriptors are needed and every tool can read the result; zip64 where sizes ask for it. Entries are stored, or
 * lightly deflated where a sample shows that it pays. After `finish` the file is never written again.
 */
import { constants, createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { PiecesDone } from './piece-writer.ts';
import { ZipCheck, type Expected } from './zip-check.ts';
import { ZipFollower } from './zip-follower.ts';
import { packSmall, type PackedEntry } from './zip-pack.ts';
import { centralRecord, endRecords, localHeader, type ZipRecord } from './zip-records.ts';

/** From so many bytes on the zip is read while it is written; less is read in no time at its end. */
const followFrom = 16 * 1024 * 1024;

/** Room for one large entry, whose data are written there by others. */
export interface ZipPlace {
  /** Descriptor of the zip. */
  file: number;
  /** Where the data begin. */
  at: number;
  /** Whether they are to be deflated. */
  deflate: boolean;
}

export class ZipWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #end = 0;
  #count = 0;
  /** The directory so far, in parts; `recent`: its last records, one by one. */
  readonly #directory: Buffer[] = [];
  #recent: Buffer[] = [];
  /** Entries that are complete. */
  readonly #expected: Expected = [];
  /** Where writes begin that are under way. */
  readonly #writing = new Set<{ at: number }>();
  #follower: ZipFollower | null = null;
  #followed = { to: 0, numbers: 0 };
  #open: { record: ZipRecord; headerLength: number } | null = null;

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
    if (this.#open) throw new Error('an entry of the zip is still open');
    const { entry, header, packed } = packSmall(name, data, crc, mtime, this.#end);
    const at = this.#end;
    this.#end += header.length + packed.length;
    this.#note({ ...entry.record, name: Buffer.from(name) }, entry.headerBytes, entry.packedCrc);
    await this.#write(at, Buffer.concat([header, packed]));
  }

  /** Adds entries that `packSmall` made elsewhere, one behind the other from 0. */
  async addPacked(entries: readonly PackedEntry[], data: Buffer): Promise<void> {
    if (this.#open) throw new Error('an entry of the zip is still open');
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

  /** Begins a large file of known size; nothing else may be added until it is closed. */
  begin(name: string, bytes: number, mtime: number, deflate: boolean): ZipPlace {
    if (this.#open) throw new Error('an entry of the zip is still open');
    const method = deflate ? 8 : 0;
    const record: ZipRecord = { name: Buffer.from(name), bytes, packed: 0, crc: 0, method, mtime, offset: this.#end };
    const headerLength = localHeader(record).length;
    this.#open = { record, headerLength };
    return { file: this.#file.fd, at: this.#end + headerLength, deflate };
  }

  /** Closes the entry at hand; its data are written. */
  async close(done: PiecesDone): Promise<void> {
    if (!this.#open) throw new Error('no entry of the zip is open');
    const { record, headerLength } = this.#open;
    Object.assign(record, { crc: done.crc, packed: done.packed });
    this.#end += headerLength + done.packed;
    this.#note(record, headerLength, done.packedCrc);
    this.#open = null;
    await this.#write(record.offset, localHeader(record));
  }

  /** Writes the directory and closes the file. Gives its size in bytes. */
  async finish(): Promise<number> {
    const at = this.#end;
    let directory = 0;
    for (const part of [...this.#directory, Buffer.concat(this.#recent)]) {
      await this.#write(at + directory, part);
      directory += part.length;
    }
    const end = endRecords(this.#count, directory, at);
    await this.#write(at + directory, end);
    this.#end += directory + end.length;
    await this.#file.close();
    return this.#end;
  }

  /** Closes the file when it will not be finished. */
  async abandon(): Promise<void> {
    await this.#follower?.close();
    await this.#file.close().catch(() => {});
  }

  /**
   * What the finished file reads as: SHA-256 over all, and the CRC-32 of every entry's data against the one taken when it
   * was written. Throws when they differ. A large file has been read for the most part while it was written.
   */
  async readBack(): Promise<string> {
    const follower = this.#follower;
    this.#follower = null;
    if (follower) return follower.finish(this.#end, this.#expected.slice(this.#followed.numbers));
    const check = new ZipCheck();
    check.expect(this.#expected);
    for await (const chunk of createReadStream(this.#path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>)
      check.take(chunk);
    return check.finish(this.#end);
  }

  #note(record: ZipRecord, headerLength: number, packedCrc: number): void {
    this.#count++;
    this.#expected.push(record.offset + headerLength, record.packed, packedCrc);
    this.#recent.push(centralRecord(record));
    if (this.#recent.length < 4096) return;
    this.#directory.push(Buffer.concat(this.#recent));
    this.#recent = [];
  }

  async #write(at: number, data: Buffer): Promise<void> {
    const writing = { at };
    this.#writing.add(writing);
    for (let done = 0; done < data.length;)
      done += (await this.#file.write(data, done, data.length - done, at + done)).bytesWritten;
    this.#writing.delete(writing);
    this.#follow();
  }

  /** Lets the one that reads go on, when there is enough that is complete. */
  #follow(): void {
    const { to, numbers } = this.#followed;
    // Writes under way leave holes in between; what comes behind the last complete entry is one too.
    if (this.#end - to < followFrom || this.#writing.size > 0) return;
    this.#follower ??= new ZipFollower(this.#path);
    this.#follower.complete(this.#end, this.#expected.slice(numbers));
    this.#followed = { to: this.#end, numbers: this.#expected.length };
  }
}
