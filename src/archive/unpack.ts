/**
 * Unpacks a zip that somebody else made: the whole directory is judged before the first byte is written, then every
 * entry is checked against it while it is written, on all cores. The zip stays as it is.
 */
import { open, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { InFlight } from '../lib/in-flight.ts';
import { startThread } from '../lib/own-thread.ts';
import { checkEntryName, EntryTree, showName } from './entry-name.ts';
import { EntryTable } from './entry-table.ts';
import { requireSpace, storageError } from './storage-error.ts';
import type { StagedFile } from './transfer.ts';
import { refusedByStorage, TreeWriter } from './tree-writer.ts';
import { EntryWriteError, unpackEntries, wholeBytes, type PlannedEntry } from './unpack-entries.ts';
import type { UnpackAnswer } from './unpack-thread.ts';
import { findDirectory, readDirectory, ZipError, type ZipEntry } from './zip-directory.ts';

export interface UnpackLimits {
  entries: number;
  /** Bytes of all entries together. */
  bytes: number;
  /** How many times larger than the zip its entries may be: deflate reaches 1032, so more means that data are shared. */
  ratio: number;
}

export const defaultLimits: UnpackLimits = { entries: 2_000_000, bytes: 16 * 2 ** 40, ratio: 1040 };

/** Less than this is done at once: a thread takes longer to start. */
const alone = { entries: 200, bytes: 16 * 2 ** 20 };
const batch = { entries: 256, bytes: 2 * 2 ** 20 };
const mostThreads = 8;

interface Plan {
  files: EntryTable;
  folders: string[];
  bytes: number;
}

/**
 * Unpacks `file` into `folder`, which is empty and ours alone; returns the files with their paths below it. Throws
 * ZIP_INVALID, ARCHIVE_ENTRY_REFUSED, ARCHIVE_LIMIT, STORAGE_….
 */
export async function unpackZip(
  file: string,
  folder: string,
  options: {
    limits?: Partial<UnpackLimits>;
    signal?: AbortSignal;
    onProgress?: (files: number, bytes: number) => void;
  } = {},
): Promise<StagedFile[]> {
  const handle = await open(file, 'r').catch(async (error: unknown) => {
    throw await storageError(error, file);
  });
  try {
    const plan = await judge(handle, file, { ...defaultLimits, ...options.limits });
    await requireSpace(folder, plan.bytes, plan.files.length + plan.folders.length);
    await makeFolders(plan, new TreeWriter(folder, file));
    const few = plan.files.length <= alone.entries && plan.bytes <= alone.bytes;
    const threads = few
      ? []
      : Array.from({ length: Math.min(mostThreads, availableParallelism()) }, () => threadFor(file, folder));
    const workers: Unpack[] = few
      ? [(entries) => unpackEntries(handle.fd, folder, entries)]
      : threads.map((thread) => thread.unpack);
    const batches = batchesOf(plan.files);
    let [files, bytes] = [0, 0];
    const work = async (unpack: Unpack): Promise<void> => {
      for (let next = batches.next(); !next.done; next = batches.next()) {
        options.signal?.throwIfAborted();
        const { rows, entries } = next.value;
        const got = await unpack(entries);
        for (const [i, entry] of entries.entries()) {
          plan.files.setHash(rows[i] ?? 0, got[i] ?? '');
          bytes += entry.bytes;
        }
        options.onProgress?.((files += entries.length), bytes);
      }
    };
    try {
      await Promise.all(workers.map(work));
    } finally {
      // A failed or stopped one must not go on writing behind our back.
      await Promise.all(threads.map((thread) => thread.end()));
    }
    return plan.files.staged();
  } catch (error) {
    throw await asBridgeError(error, file, folder);
  } finally {
    await handle.close();
  }
}

type Unpack = (entries: PlannedEntry[]) => Promise<string[]>;

/** A thread that does one batch after the other. */
function threadFor(file: string, root: string): { unpack: Unpack; end: () => Promise<unknown> } {
  const thread: Worker = startThread('src/archive/unpack-thread', { file, root });
  let broken: unknown = null;
  let settle: { resolve: (hashes: string[]) => void; reject: (error: unknown) => void } | null = null;
  thread.on('message', (answer: UnpackAnswer) => {
    if (answer.hashes) settle?.resolve(answer.hashes);
    else if (answer.failure?.kind === 'write') {
      const { path, bytes, code, reason } = answer.failure;
      settle?.reject(new EntryWriteError(path, bytes, Object.assign(new Error(reason), { code })));
    } else settle?.reject(new ZipError(answer.failure?.reason ?? 'it could not be unpacked'));
  });
  const stop = (error: unknown): void => {
    broken ??= error;
    settle?.reject(error);
  };
  thread.on('error', stop);
  thread.on('exit', () => stop(new Error('the thread that unpacks has ended')));
  const unpack: Unpack = (entries) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
      if (broken !== null) reject(broken);
      else thread.postMessage(entries);
    });
  return { unpack, end: () => thread.terminate() };
}

interface Together {
  rows: number[];
  entries: PlannedEntry[];
}

/** Neighbours together, up to a bounded size; each large one alone. */
function* batchesOf(files: EntryTable): Generator<Together> {
  let together: Together = { rows: [], entries: [] };
  let bytes = 0;
  for (const { row, entry } of files.ordered()) {
    const size = Math.max(entry.packed, entry.bytes);
    const [first] = together.entries;
    const span = first ? entry.offset + entry.packed - first.offset : 0;
    const full = bytes + size > batch.bytes || span > 2 * batch.bytes || together.entries.length >= batch.entries;
    if (first && (size > wholeBytes || full)) {
      yield together;
      together = { rows: [], entries: [] };
      bytes = 0;
    }
    together.rows.push(row);
    together.entries.push(entry);
    bytes += size;
    if (size > wholeBytes) {
      yield together;
      together = { rows: [], entries: [] };
      bytes = 0;
    }
  }
  if (together.entries.length > 0) yield together;
}

async function makeFolders(plan: Plan, writer: TreeWriter): Promise<void> {
  const making = new InFlight(16);
  const folders = new Set(plan.folders);
  for (let row = 0; row < plan.files.length; row++) {
    const path = plan.files.path(row);
    const slash = path.lastIndexOf('/');
    if (slash > 0) folders.add(path.slice(0, slash));
  }
  try {
    for (const path of folders) await making.add(() => writer.folder(path));
  } finally {
    await making.settle();
  }
}

/** Reads the whole directory and decides what will be written where; files come in the order of their data. */
async function judge(handle: Awaited<ReturnType<typeof open>>, file: string, limits: UnpackLimits): Promise<Plan> {
  const { size } = await handle.stat();
  const directory = await findDirectory(handle, size);
  const tooMuch = (entry: string, reason: string): Error => bridgeError('ARCHIVE_LIMIT', { file, entry, reason });
  if (directory.count > limits.entries)
    throw tooMuch('(its directory)', `it has ${directory.count} entries, more than ${limits.entries}`);
  const tree = new EntryTree();
  const plan: Plan = { files: new EntryTable(), folders: [], bytes: 0 };
  for await (const entries of readDirectory(handle, directory))
    for (const entry of entries) {
      const shown = showName(entry.name);
      const refuse = (reason: string): Error =>
        bridgeError('ARCHIVE_ENTRY_REFUSED', { entry: shown, reason, where: file });
      const name = checkEntryName(entry.name);
      if (name.refused !== undefined) throw refuse(name.refused);
      const unfit = refuseEntry(entry, name.directory);
      if (unfit !== null) throw refuse(unfit);
      if (name.path === '') continue;
      const conflict = tree.add(name.path, name.directory ? 'folder' : 'file');
      if (conflict !== null) throw refuse(conflict);
      plan.bytes += entry.bytes;
      if (plan.bytes > limits.bytes) throw tooMuch(shown, `its entries exceed ${limits.bytes} bytes together`);
      if (plan.bytes > size * limits.ratio)
        throw tooMuch(shown, `its entries are more than ${limits.ratio} times as large as the zip`);
      if (entry.method === 0 && entry.packed !== entry.bytes)
        throw new ZipError(`"${shown}": it is stored, with two different sizes`);
      if (name.directory) plan.folders.push(name.path);
      else {
        const { raw, method, flags, crc, packed, bytes, offset, mtime } = entry;
        plan.files.add({ path: name.path, raw, method, flags, crc, packed, bytes, offset, mtime });
      }
    }
  plan.files.close(directory.at);
  refuseOverlap(plan.files);
  return plan;
}

function refuseEntry(entry: ZipEntry, directory: boolean): string | null {
  if (entry.kind === 0o120000) return 'it is a symbolic link';
  if (entry.kind !== 0 && entry.kind !== 0o100000 && entry.kind !== 0o040000) return 'it is a special file';
  if (entry.flags & 0x2041) return 'it is encrypted';
  if (entry.method !== 0 && entry.method !== 8)
    return `it is packed by method ${entry.method}, which is not known here`;
  if (directory && entry.bytes > 0) return 'it is a folder with content';
  return null;
}

/** Entries that share bytes make a small file expand without end; no honest archive has them. */
function refuseOverlap(files: EntryTable): void {
  let before: PlannedEntry | null = null;
  for (const { entry } of files.ordered()) {
    if (before && endOf(before) > before.end)
      throw new ZipError(`"${showName(entry.path)}" overlaps the entry before it`);
    before = entry;
  }
  if (before && endOf(before) > before.end) throw new ZipError(`"${showName(before.path)}" reaches beyond the end`);
}

function endOf(entry: PlannedEntry): number {
  return entry.offset + 30 + entry.raw.length + entry.packed;
}

async function asBridgeError(failure: unknown, file: string, folder: string): Promise<unknown> {
  if (isBridgeError(failure)) return failure;
  if (failure instanceof EntryWriteError)
    return refusedByStorage(failure.cause, folder, failure.path, failure.bytes, file);
  if (failure instanceof ZipError)
    return bridgeError('ZIP_INVALID', { file, reason: describeError(failure) }, { cause: failure });
  if (typeof (failure as NodeJS.ErrnoException).code === 'string') {
    // The zip itself may have gone away or become unreadable.
    const there = await stat(file).catch(() => null);
    return storageError(failure, there ? folder : file);
  }
  return failure;
}
