/**
 * Unpacks a zip that somebody else made: the whole directory is judged before the first byte is written, then every
 * entry is checked against it while it is written (size, CRC-32, the header beside its data). The zip stays as it is.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { checkEntryName, EntryTree, showName } from './entry-name.ts';
import { requireSpace, storageError } from './storage-error.ts';
import type { StagedFile } from './transfer.ts';
import { setTime, TreeWriter } from './tree-writer.ts';

export interface UnpackLimits {
  entries: number;
  /** Bytes of all entries together. */
  bytes: number;
  /** How many times larger than the zip its entries may be: deflate reaches 1032, so more means that data are shared. */
  ratio: number;
}

export const defaultLimits: UnpackLimits = { entries: 2_000_000, bytes: 16 * 2 ** 40, ratio: 1040 };

interface Planned {
  entry: Entry;
  path: string;
  directory: boolean;
}

/**
 * Unpacks `file` into `folder`, which is empty and ours alone; returns the files with their paths below it. Throws
 * ZIP_INVALID, ARCHIVE_ENTRY_REFUSED, ARCHIVE_LIMIT, STORAGE_….
 */
export async function unpackZip(
  file: string,
  folder: string,
  options: { limits?: Partial<UnpackLimits>; signal?: AbortSignal } = {},
): Promise<StagedFile[]> {
  const zip = await openZip(file);
  try {
    const plan = await judge(zip, file, { ...defaultLimits, ...options.limits });
    const bytes = plan.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
    await requireSpace(folder, bytes, plan.length);
    const writer = new TreeWriter(folder, file);
    const files: StagedFile[] = [];
    for (const planned of plan) {
      options.signal?.throwIfAborted();
      if (planned.directory) await writer.folder(planned.path);
      else files.push(await unpackEntry(zip, file, planned, writer));
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  } finally {
    zip.close();
  }
}

async function openZip(file: string): Promise<ZipFile> {
  try {
    return await yauzl.openPromise(file, {
      lazyEntries: true,
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: true,
    });
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') throw await storageError(error, file);
    throw bridgeError('ZIP_INVALID', { file, reason: describeError(error) }, { cause: error });
  }
}

/** Reads the whole directory and decides what will be written where. */
async function judge(zip: ZipFile, file: string, limits: UnpackLimits): Promise<Planned[]> {
  const plan: Planned[] = [];
  const tree = new EntryTree();
  let bytes = 0;
  const tooMuch = (entry: string, reason: string): Error => bridgeError('ARCHIVE_LIMIT', { file, entry, reason });
  if (zip.entryCount > limits.entries)
    throw tooMuch('(its directory)', `it has ${zip.entryCount} entries, more than ${limits.entries}`);
  try {
    for await (const entry of zip.eachEntry()) {
      const shown = showName(entry.fileNameRaw);
      const refuse = (reason: string): Error =>
        bridgeError('ARCHIVE_ENTRY_REFUSED', { entry: shown, reason, where: file });
      const name = checkEntryName(nameOf(entry));
      if (name.refused !== undefined) throw refuse(name.refused);
      const unfit = refuseEntry(entry, name.directory);
      if (unfit !== null) throw refuse(unfit);
      if (name.path === '') continue;
      const conflict = tree.add(name.path, name.directory ? 'folder' : 'file');
      if (conflict !== null) throw refuse(conflict);
      bytes += entry.uncompressedSize;
      if (bytes > limits.bytes) throw tooMuch(shown, `its entries exceed ${limits.bytes} bytes together`);
      if (bytes > zip.fileSize * limits.ratio)
        throw tooMuch(shown, `its entries are more than ${limits.ratio} times as large as the zip`);
      plan.push({ entry, path: name.path, directory: name.directory });
    }
  } catch (error) {
    if (isBridgeError(error)) throw error;
    throw bridgeError('ZIP_INVALID', { file, reason: describeError(error) }, { cause: error });
  }
  refuseOverlap(plan, file);
  return plan;
}

/** The name as text; what cannot be decoded stays bytes, and is refused as such. */
function nameOf(entry: Entry): string | Buffer {
  const flags = entry.generalPurposeBitFlag;
  if (flags & 0x800) return entry.fileNameRaw;
  return yauzl.getFileNameLowLevel(flags, entry.fileNameRaw, entry.extraFields, true);
}

function refuseEntry(entry: Entry, directory: boolean): string | null {
  const mode = (entry.externalFileAttributes >>> 16) & 0o170000;
  if (mode === 0o120000) return 'it is a symbolic link';
  if (mode !== 0 && mode !== 0o100000 && mode !== 0o040000) return 'it is a special file';
  if (entry.isEncrypted()) return 'it is encrypted';
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
    return `it is packed by method ${entry.compressionMethod}, which is not known here`;
  if (directory && entry.uncompressedSize > 0) return 'it is a folder with content';
  return null;
}

/** Entries that share bytes make a small file expand without end; no honest archive has them. */
function refuseOverlap(plan: readonly Planned[], file: string): void {
  const sorted = [...plan].sort((a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader);
  let end = 0;
  for (const { entry, path } of sorted) {
    if (entry.relativeOffsetOfLocalHeader < end)
      throw bridgeError('ZIP_INVALID', { file, reason: `"${showName(path)}" overlaps the entry before it` });
    end = entry.relativeOffsetOfLocalHeader + 30 + entry.fileNameLength + entry.compressedSize;
  }
}

async function unpackEntry(zip: ZipFile, file: string, planned: Planned, writer: TreeWriter): Promise<StagedFile> {
  const { entry, path } = planned;
  const invalid = (reason: string, cause?: unknown): Error =>
    bridgeError('ZIP_INVALID', { file, reason: `"${showName(path)}": ${reason}` }, { cause });
  const local = await zip.readLocalFileHeaderPromise(entry).catch((error: unknown) => {
    throw invalid(describeError(error), error);
  });
  if (!local.fileName.equals(entry.fileNameRaw)) throw invalid('it has another name beside its data');
  if (local.compressionMethod !== entry.compressionMethod) throw invalid('it is packed otherwise beside its data');
  const hash = createHash('sha256');
  let crc = 0;
  let bytes = 0;
  const output = await writer.create(path, entry.uncompressedSize);
  try {
    const source = await zip.openReadStreamPromise(entry);
    let writing = false;
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        hash.update(chunk);
        crc = crc32(chunk, crc);
        bytes += chunk.length;
        writing = true;
        for (let done = 0; done < chunk.length;) done += (await output.write(chunk, done)).bytesWritten;
        writing = false;
      }
    } catch (error) {
      throw writing ? await storageError(error, join(writer.root, path), entry.uncompressedSize) : error;
    }
    if (bytes !== entry.uncompressedSize) throw new Error(`it has ${bytes} bytes instead of ${entry.uncompressedSize}`);
    if (crc !== entry.crc32) throw new Error('its CRC-32 is wrong');
    await setTime(output, entry.getLastModDate().getTime() / 1000);
  } catch (error) {
    throw isBridgeError(error) ? error : invalid(describeError(error), error);
  } finally {
    await output.close();
  }
  return { path, bytes, sha256: hash.digest('hex') };
}
