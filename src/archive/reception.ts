/** Takes in entries one after the other, wherever they come from: each is written, hashed and put into the zip. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bridgeError } from '../domain/errors.ts';
import { InFlight } from '../lib/in-flight.ts';
import { checkEntryName, showName } from './entry-name.ts';
import { firstNames, incomplete, refused, type FarFolder, type FarList } from './far-folder.ts';
import { PiecePipe } from './piece-pipe.ts';
import type { PiecesDone, PieceTarget } from './piece-writer.ts';
import { storageError } from './storage-error.ts';
import type { Batch } from './take-thread.ts';
import { TakeError, TakeThreads } from './take-threads.ts';
import { TarError, type TarEntry } from './tar-reader.ts';
import type { StagedFile, TransferOptions } from './transfer.ts';
import { setTime, TreeWriter } from './tree-writer.ts';
import { pays } from './zip-pack.ts';
import type { ZipWriter } from './zip-writer.ts';

/** Up to this size a file is taken whole, so that many small ones are written at the same time. */
const smallBytes = 1024 * 1024;
const writesAtOnce = 16;
/** A pipe and a thread that reads it are worth their start from so many bytes on. */
const worthOwnThread = 64 * 1024 * 1024;
/** From so many files on threads are worth their start. */
const manyFiles = 400;
const batchesAtOnce = 5;
const batch = { bytes: 2 * 1024 * 1024, files: 256 };

/** Where entries come from, in turns: `next`, then the whole body, then `next` again. */
export type EntrySource = ReadSource | PouredSource;

/** One whose bodies are read here, by `whole` or `some`. */
export interface ReadSource {
  next(): Promise<TarEntry | null>;
  whole(): Promise<Buffer>;
  some(): Promise<Buffer>;
  /** Copies the entry at hand to a new file without reading it here; absent where only its bytes come. */
  copyTo?(file: string): Promise<void>;
}

/** One that writes bodies by itself, files of any size. */
export interface PouredSource {
  next(): Promise<TarEntry | null>;
  /** Whether deflating the entry at hand pays. */
  readonly pays: boolean;
  pour(target: PieceTarget, onBytes: (bytes: number) => void): Promise<PiecesDone>;
}

/** Entries being taken in: checked against the list, written, hashed and zipped. */
export class Reception {
  readonly #o: TransferOptions;
  readonly #folder: FarFolder;
  readonly #list: FarList;
  readonly #zip: ZipWriter;
  readonly #writer: TreeWriter;
  readonly #out: string;
  readonly #writes: InFlight;
  readonly #many: boolean;
  #threads: TakeThreads | null = null;
  #pipe: PiecePipe | null = null;
  #batch: Batch | null = null;
  #filled = 0;
  /** Paths that have come, as the list has them: one text for each, not two. */
  readonly #came = new Set<string>();
  readonly #files: StagedFile[] = [];
  #bytes = 0;

  constructor(o: TransferOptions, folder: FarFolder, list: FarList, zip: ZipWriter) {
    this.#o = o;
    this.#folder = folder;
    this.#list = list;
    this.#many = list.files.size >= manyFiles && list.bytes / list.files.size <= smallBytes / 4;
    this.#writes = new InFlight(this.#many ? batchesAtOnce : writesAtOnce);
    this.#zip = zip;
    this.#writer = new TreeWriter(o.staging, `${folder.path} on the cluster`);
    this.#out = `${o.jobId}_out/data/out`;
  }

  /** Whether the results are much, and large for the most part: then they are best read on one thread. */
  get worthOwnThread(): boolean {
    const { files, bytes } = this.#list;
    return this.#o.ownThread ?? (bytes >= worthOwnThread && bytes >= files.size * smallBytes);
  }

  /** Makes the folder for it; before the source is opened, which may not wait for its reader. */
  begin(): Promise<void> {
    return this.#writer.folder(this.#out);
  }

  /** Takes in everything that comes; what went wrong is thrown once nothing is being written any more. */
  async receive(source: EntrySource): Promise<void> {
    if (this.#many) this.#threads = new TakeThreads();
    try {
      await this.#readAll(source);
      await this.#sendBatch();
      await this.#writes.settle();
    } finally {
      await this.#writes.settle().catch(() => {});
      await this.#threads?.end();
      await this.#pipe?.close();
    }
  }

  /** All files that came, sorted, when they are all that were listed; else TRANSFER_INCOMPLETE. */
  async complete(): Promise<StagedFile[]> {
    const missing = [...this.#list.files.keys()].filter((path) => !this.#came.has(path));
    if (missing.length > 0) throw incomplete(this.#folder, `${this.state()}; missing are ${firstNames(missing)}`);
    await this.#addEmptyFolders();
    return this.#files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** How much has come, for people. */
  state(): string {
    return `${this.#files.length} of ${this.#list.files.size} files and ${this.#bytes} of ${this.#list.bytes} bytes came`;
  }

  async #readAll(source: EntrySource): Promise<void> {
    for (let entry = await source.next(); entry; entry = await source.next()) {
      this.#o.signal.throwIfAborted();
      const path = this.#check(entry);
      if (path === '') continue;
      if (entry.type === 'folder') await this.#writer.folder(`${this.#out}/${path}`);
      else if ('pour' in source || entry.bytes > smallBytes) await this.#takeLarge(path, source, entry);
      else if (this.#threads) await this.#toBatch(path, await source.whole(), entry.mtime);
      else await this.#takeSmall(path, await source.whole(), entry.mtime);
    }
  }

  /** The path of an entry that is welcome; the empty one for the root. */
  #check(entry: TarEntry): string {
    const shown = showName(entry.name);
    if (entry.type !== 'file' && entry.type !== 'folder') throw refused(this.#folder, shown, `it is a ${entry.type}`);
    const name = checkEntryName(entry.name);
    if (name.refused !== undefined) throw refused(this.#folder, shown, name.refused);
    if (name.path === '') return '';
    const listed = entry.type === 'file' ? this.#list.files.get(name.path) : undefined;
    if (listed?.bytes === entry.bytes) return this.#once(listed.path, shown);
    if (entry.type === 'folder' && this.#list.folders.has(name.path)) return this.#once(name.path, shown);
    const conflict = listed ? null : this.#conflict(name.path, entry.type);
    if (conflict !== null) throw refused(this.#folder, shown, conflict);
    const what = entry.type === 'folder' ? `the folder "${shown}" came` : `"${shown}" came with ${entry.bytes} bytes`;
    const was = listed ? `was listed with ${listed.bytes} bytes` : 'was not listed before';
    throw incomplete(this.#folder, `${what} and ${was}: results are still being written`);
  }

  /** Why a path that was not listed cannot stand beside those that were. */
  #conflict(path: string, type: 'file' | 'folder'): string | null {
    const { files, folders } = this.#list;
    if (type === 'file' ? folders.has(path) : files.has(path)) return 'it is both a file and a folder';
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1))
      if (files.has(path.slice(0, slash))) return 'it lies in a folder that is also a file';
    return null;
  }

  #once(path: string, shown: string): string {
    if (this.#came.has(path)) throw refused(this.#folder, shown, 'it appears twice');
    this.#came.add(path);
    return path;
  }

  async #takeSmall(path: string, arrived: Buffer, mtime: number): Promise<void> {
    // The stream's buffer is only borrowed, and this piece may outlive many others.
    const data = Buffer.from(arrived);
    const name = `${this.#out}/${path}`;
    await this.#writes.add(async () => {
      const sha256 = createHash('sha256').update(data).digest('hex');
      await Promise.all([
        this.#writer.write(name, data, mtime),
        this.#zip.add(`data/out/${path}`, data, crc32(data), mtime).catch(async (error: unknown) => {
          throw await storageError(error, join(this.#o.staging, `${this.#o.jobId}_out.zip`), data.length);
        }),
      ]);
      this.#done({ path: name, bytes: data.length, sha256 });
      this.#progress(data.length);
    });
  }

  async #toBatch(path: string, arrived: Buffer, mtime: number): Promise<void> {
    if (this.#batch && (this.#filled + arrived.length > batch.bytes || this.#batch.files.length >= batch.files))
      await this.#sendBatch();
    this.#batch ??= { root: this.#o.staging, data: new ArrayBuffer(batch.bytes), files: [] };
    arrived.copy(Buffer.from(this.#batch.data), this.#filled);
    const name = `${this.#out}/${path}`;
    this.#batch.files.push({
      path: name,
      zipName: `data/out/${path}`,
      at: this.#filled,
      bytes: arrived.length,
      mtime,
    });
    this.#filled += arrived.length;
    await this.#writer.folder(name.slice(0, name.lastIndexOf('/')));
  }

  /** Hands the batch at hand to a thread; waits only while all of them are busy. */
  async #sendBatch(): Promise<void> {
    const sent = this.#batch;
    const threads = this.#threads;
    if (!sent || !threads) return;
    this.#batch = null;
    this.#filled = 0;
    await this.#writes.add(async () => {
      const { files } = sent;
      const done = await threads.take(sent).catch(async (error: unknown) => {
        throw error instanceof TakeError ? await this.#writer.refusal(error.cause, error.path, error.bytes) : error;
      });
      const zip = Buffer.from(done.zip);
      await this.#zip.addPacked(done.entries, zip).catch(async (error: unknown) => {
        throw await storageError(error, join(this.#o.staging, `${this.#o.jobId}_out.zip`), zip.length);
      });
      for (const [i, { path, bytes }] of files.entries())
        this.#files.push({ path, bytes, sha256: done.hashes[i] ?? '' });
      this.#progress(files.reduce((sum, file) => sum + file.bytes, 0));
    });
  }

  async #takeLarge(path: string, source: EntrySource, entry: TarEntry): Promise<void> {
    // While it is streamed into the zip, nothing else can go there.
    await this.#sendBatch();
    if (this.#threads) await this.#writes.settle();
    const name = `${this.#out}/${path}`;
    const copyTo = 'copyTo' in source ? source.copyTo?.bind(source) : undefined;
    const file = copyTo
      ? await this.#writer.copy(name, entry.bytes, copyTo)
      : await this.#writer.create(name, entry.bytes);
    const target = (deflated: boolean): PieceTarget => {
      const place = this.#zip.begin(`data/out/${path}`, entry.bytes, entry.mtime, deflated);
      return { file: copyTo ? null : file.fd, zip: place.file, at: place.at, deflate: place.deflate };
    };
    let sha256: string;
    try {
      const done =
        'pour' in source
          ? await source.pour(target(source.pays), (bytes) => this.#progress(bytes))
          : await this.#pump(source, target);
      await this.#zip.close(done);
      await setTime(file, entry.mtime);
      const { size } = await file.stat();
      if (size !== entry.bytes || done.bytes !== entry.bytes)
        throw bridgeError('STORAGE_FAILED', { path: join(this.#o.staging, name), reason: `it has ${size} bytes` });
      sha256 = done.sha256;
    } catch (error) {
      // It must have ended before the descriptors that it writes to are closed.
      await this.#pipe?.close();
      throw error instanceof TarError ? error : await storageError(error, join(this.#o.staging, name), entry.bytes);
    } finally {
      await file.close();
    }
    this.#done({ path: name, bytes: entry.bytes, sha256 });
    this.#progress(0);
  }

  /** Passes the body at hand on to the thread that writes it. */
  async #pump(source: ReadSource, target: (deflated: boolean) => PieceTarget): Promise<PiecesDone> {
    const pipe = (this.#pipe ??= new PiecePipe());
    let data = await source.some();
    pipe.open(target(pays(data)));
    for (; data.length > 0; data = await source.some()) {
      await pipe.write(data);
      this.#progress(data.length);
    }
    return pipe.end();
  }

  /** Folders that hold nothing are part of the results too; a folder not listed cannot matter without a file in it. */
  async #addEmptyFolders(): Promise<void> {
    const filled = new Set<string>();
    for (const path of [...this.#list.files.keys(), ...this.#list.folders])
      if (path.includes('/')) filled.add(path.slice(0, path.lastIndexOf('/')));
    for (const path of this.#list.folders)
      if (!filled.has(path)) {
        await this.#writer.folder(`${this.#out}/${path}`);
        await this.#zip.addFolder(`data/out/${path}`, Math.floor(Date.now() / 1000));
      }
  }

  #done(file: StagedFile): void {
    this.#files.push(file);
  }

  #progress(bytes: number): void {
    this.#bytes += bytes;
    this.#o.onProgress?.({
      files: this.#files.length,
      filesTotal: this.#list.files.size,
      bytes: this.#bytes,
      bytesTotal: this.#list.bytes,
    });
  }
}
