/**
 * Brings a job's results from the cluster in one pass: a list, then one tar stream, read once on arrival (each file
 * written, hashed and put into the zip), then the list again. Anything that is not exactly as listed is an error; the
 * far side is never changed, and nothing outside the staging folder is touched.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { crc32 } from 'node:zlib';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { InFlight } from '../lib/in-flight.ts';
import type { Transport } from '../slurm/transport.ts';
import { checkEntryName, EntryTree, showName } from './entry-name.ts';
import {
  differenceOf,
  firstNames,
  incomplete,
  listResults,
  missingFrom,
  readJobManifest,
  refused,
  resultsFolder,
  type FarFolder,
  type FarList,
} from './far-list.ts';
import { farTools, tarCommand, type FarTools } from './far-tools.ts';
import { IdleWatch } from './idle-watch.ts';
import { requireSpace, storageError } from './storage-error.ts';
import { TarError, TarReader, type TarEntry } from './tar-reader.ts';
import { setTime, TreeWriter } from './tree-writer.ts';
import { ZipWriter } from './zip-writer.ts';

/** A file of the archive, with its path below the archive. */
export interface StagedFile {
  path: string;
  bytes: number;
  sha256: string;
}

export interface TransferProgress {
  files: number;
  filesTotal: number;
  bytes: number;
  bytesTotal: number;
}

export interface TransferOptions {
  transport: Transport;
  dataPath: string;
  jobId: number;
  /** Folder that receives `<job>_out/` and `<job>_out.zip`; empty, and ours alone. */
  staging: string;
  onProgress?: (progress: TransferProgress) => void;
  /** How long results that cannot be seen yet are looked for: network file systems show them late. */
  graceMs?: number;
  /** A stream that brings nothing for so long is given up. */
  idleMs?: number;
  signal: AbortSignal;
  log: Logger;
}

/** Up to this size a file is taken whole, so that many small ones are written at the same time. */
const smallBytes = 1024 * 1024;
const writesAtOnce = 16;

/** Returns every file below the staging folder, the zip last. Throws TRANSFER_INCOMPLETE, ARCHIVE_ENTRY_REFUSED, … */
export async function transferResults(o: TransferOptions): Promise<StagedFile[]> {
  const folder = resultsFolder(o.transport, o.dataPath, o.jobId);
  const tools = await farTools(folder, o.signal);
  const list = await awaitResults(folder, tools, o.graceMs ?? 30_000, o.signal);
  // Tree and zip, and a tenth for the zip's directory and half-filled blocks.
  await requireSpace(o.staging, Math.ceil(list.bytes * 2.1), list.files.size + list.folders.size + 10);
  const zipName = `${o.jobId}_out.zip`;
  const zipPath = join(o.staging, zipName);
  const zip = await ZipWriter.create(zipPath).catch(async (error: unknown) => {
    throw await storageError(error, zipPath, list.bytes);
  });
  let bytes: number;
  let files: StagedFile[];
  try {
    files = await new Reception(o, folder, tools, list, zip).receive();
    bytes = await zip.finish();
  } catch (error) {
    await zip.abandon();
    o.signal.throwIfAborted();
    throw await storageError(error, zipPath, list.bytes * 2);
  }
  const after = await listResults(folder, tools, o.signal);
  const difference = after ? differenceOf(list, after) : 'their folder went away';
  if (difference !== null) throw incomplete(folder, `results were still being written: ${difference}`);
  const { sha256 } = await zip.readBack().catch((error: unknown) => {
    throw bridgeError('STORAGE_FAILED', { path: zipPath, reason: describeError(error) }, { cause: error });
  });
  return [...files, { path: zipName, bytes, sha256 }];
}

async function writeAll(file: FileHandle, data: Buffer): Promise<void> {
  for (let done = 0; done < data.length;) done += (await file.write(data, done)).bytesWritten;
}

async function awaitResults(
  folder: FarFolder,
  tools: FarTools,
  graceMs: number,
  signal: AbortSignal,
): Promise<FarList> {
  for (let waited = 0, pause = 1000; ; pause *= 2) {
    const list = await listResults(folder, tools, signal);
    const manifest = list ? await readJobManifest(folder, signal) : null;
    const missing = list && manifest ? missingFrom(list, manifest) : [];
    if (list && list.files.size > 0 && missing.length === 0) return list;
    if (waited >= graceMs) {
      if (missing.length > 0)
        throw incomplete(
          folder,
          `${missing.length} files that the job says it wrote are not there in that size, first ${firstNames(missing)}`,
        );
      const reason = list ? 'holds no file' : 'is not there';
      throw bridgeError('RESULTS_MISSING', { job: folder.jobId, folder: folder.path, reason });
    }
    pause = Math.min(pause, graceMs - waited);
    await sleep(pause, undefined, { signal });
    waited += pause;
  }
}

/** One tar stream being taken in. */
class Reception {
  readonly #o: TransferOptions;
  readonly #folder: FarFolder;
  readonly #tools: FarTools;
  readonly #list: FarList;
  readonly #zip: ZipWriter;
  readonly #writer: TreeWriter;
  readonly #out: string;
  readonly #writes = new InFlight(writesAtOnce);
  readonly #tree = new EntryTree();
  readonly #files: StagedFile[] = [];
  #bytes = 0;

  constructor(o: TransferOptions, folder: FarFolder, tools: FarTools, list: FarList, zip: ZipWriter) {
    this.#o = o;
    this.#folder = folder;
    this.#tools = tools;
    this.#list = list;
    this.#zip = zip;
    this.#writer = new TreeWriter(o.staging, `${folder.path} on the cluster`);
    this.#out = `${o.jobId}_out/data/out`;
  }

  async receive(): Promise<StagedFile[]> {
    const argv = tarCommand(this.#folder, this.#tools, false);
    await this.#writer.folder(this.#out);
    // Nothing may be waited for between here and the first read: Node throws away what an ended command has left unread.
    const far = this.#o.transport.stream(argv, { signal: this.#o.signal });
    const idle = new IdleWatch(this.#o.idleMs ?? 300_000, () => far.kill());
    let failure: unknown;
    try {
      await this.#readAll(new TarReader(idle.watch(far.stdout as AsyncIterable<Buffer>)));
      await this.#writes.settle();
    } catch (error) {
      failure = error;
      far.kill();
      far.stdout.destroy();
      await this.#writes.settle().catch(() => {});
    } finally {
      idle.stop();
    }
    const end = await far.finished.catch((error: unknown) => {
      this.#o.signal.throwIfAborted();
      throw incomplete(this.#folder, describeError(error), error);
    });
    this.#o.signal.throwIfAborted();
    this.#judge(failure, end, idle.expired);
    await this.#addEmptyFolders();
    return this.#files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Names what went wrong, from the entry at fault to the counts. */
  #judge(failure: unknown, end: { code: number | null; stderr: string }, stalled: boolean): void {
    if (isBridgeError(failure)) throw failure;
    const state =
      `${this.#files.length} of ${this.#list.files.size} files and ${this.#bytes} of ${this.#list.bytes} bytes came` +
      (end.stderr.trim() ? `; tar said: ${end.stderr.trim().slice(-500)}` : '');
    if (stalled) throw incomplete(this.#folder, `nothing came for ${(this.#o.idleMs ?? 300_000) / 1000} s; ${state}`);
    if (failure instanceof TarError) throw incomplete(this.#folder, `${failure.message}; ${state}`, failure);
    if (failure !== undefined) throw incomplete(this.#folder, `${describeError(failure)}; ${state}`, failure);
    const missing = [...this.#list.files.keys()].filter((path) => !this.#tree.has(path));
    if (missing.length > 0) throw incomplete(this.#folder, `${state}; missing are ${firstNames(missing)}`);
    if (end.code !== 0) throw incomplete(this.#folder, `tar ended with exit ${end.code ?? 'by a signal'}; ${state}`);
  }

  async #readAll(tar: TarReader): Promise<void> {
    for (let entry = await tar.next(); entry; entry = await tar.next()) {
      this.#o.signal.throwIfAborted();
      const path = this.#check(entry);
      if (path === '') continue;
      if (entry.type === 'folder') await this.#writer.folder(`${this.#out}/${path}`);
      else if (entry.bytes <= smallBytes) await this.#takeSmall(path, await tar.whole(), entry.mtime);
      else await this.#takeLarge(path, tar, entry);
    }
  }

  /** The path of an entry that is welcome; the empty one for the root. */
  #check(entry: TarEntry): string {
    const shown = showName(entry.name);
    if (entry.type !== 'file' && entry.type !== 'folder') throw refused(this.#folder, shown, `it is a ${entry.type}`);
    const name = checkEntryName(entry.name);
    if (name.refused !== undefined) throw refused(this.#folder, shown, name.refused);
    if (name.path === '') return '';
    const conflict = this.#tree.add(name.path, entry.type);
    if (conflict !== null) throw refused(this.#folder, shown, conflict);
    if (entry.type === 'folder') return name.path;
    const listed = this.#list.files.get(name.path);
    if (listed?.bytes === entry.bytes) return name.path;
    const was = listed ? `was listed with ${listed.bytes} bytes` : 'was not listed before';
    throw incomplete(
      this.#folder,
      `"${shown}" came with ${entry.bytes} bytes and ${was}: results are still being written`,
    );
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

  async #takeLarge(path: string, tar: TarReader, entry: TarEntry): Promise<void> {
    const name = `${this.#out}/${path}`;
    const file = await this.#writer.create(name, entry.bytes);
    const hash = createHash('sha256');
    let crc = 0;
    let written = 0;
    let data = await tar.some();
    const zipped = this.#zip.begin(`data/out/${path}`, entry.bytes, entry.mtime, data);
    try {
      for (; data.length > 0; data = await tar.some()) {
        hash.update(data);
        crc = crc32(data, crc);
        await Promise.all([writeAll(file, data), zipped.write(data)]);
        written += data.length;
        this.#progress(data.length);
      }
      await zipped.close(crc);
      await setTime(file, entry.mtime);
      const { size } = await file.stat();
      if (size !== entry.bytes || written !== entry.bytes)
        throw bridgeError('STORAGE_FAILED', { path: join(this.#o.staging, name), reason: `it has ${size} bytes` });
    } catch (error) {
      await zipped.abandon();
      throw error instanceof TarError ? error : await storageError(error, join(this.#o.staging, name), entry.bytes);
    } finally {
      await file.close();
    }
    this.#done({ path: name, bytes: entry.bytes, sha256: hash.digest('hex') });
    this.#progress(0);
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
