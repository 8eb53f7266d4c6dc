/**
 * Writes entries of a zip as files: each is read, inflated, checked (header beside the data, size, CRC-32), hashed and
 * written in one pass. Small ones by calls that wait, which is several times faster than any queue, so many of them
 * belong on a thread; large ones as streams.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, futimesSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { constants as zlib, crc32, createInflateRaw, inflateRawSync } from 'node:zlib';
import { extraFields, ZipError } from './zip-directory.ts';

/** An entry that was judged welcome. */
export interface PlannedEntry {
  path: string;
  raw: string;
  method: number;
  flags: number;
  crc: number;
  packed: number;
  bytes: number;
  offset: number;
  /** Its header and data end here or before: where the next entry or the directory begins. */
  end: number;
  mtime: number;
}

/** Entries up to this size are taken whole. */
export const wholeBytes = 4 * 1024 * 1024;
const pieceBytes = 512 * 1024;

/** A failure of the storage while this entry was written. */
export class EntryWriteError extends Error {
  readonly path: string;
  readonly bytes: number;
  constructor(path: string, bytes: number, cause: unknown) {
    super('writing failed', { cause });
    this.path = path;
    this.bytes = bytes;
  }
}

/** Unpacks entries that follow one another in the zip; returns their SHA-256 as hex. Throws ZipError, EntryWriteError. */
export async function unpackEntries(zip: number, root: string, entries: readonly PlannedEntry[]): Promise<string[]> {
  const [first] = entries;
  if (!first) return [];
  if (entries.length === 1 && Math.max(first.bytes, first.packed) > wholeBytes)
    return [await unpackLarge(zip, root, first)];
  const end = Math.max(...entries.map((entry) => entry.end));
  const region = readExactly(zip, first.offset, Math.min(end - first.offset, spanOf(entries)));
  return entries.map((entry) => unpackSmall(region.subarray(entry.offset - first.offset), root, entry));
}

/** Bytes from the first header to the end of the last data, with room for the longest header. */
function spanOf(entries: readonly PlannedEntry[]): number {
  const [first, last] = [entries[0], entries.at(-1)];
  return first && last ? last.offset - first.offset + 30 + 2 * 0xffff + last.packed : 0;
}

function unpackSmall(from: Buffer, root: string, entry: PlannedEntry): string {
  const start = dataStart(from, entry);
  const packed = from.subarray(start, start + entry.packed);
  const data = entry.method === 0 ? packed : inflate(packed, entry);
  if (data.length !== entry.bytes) throw bad(entry, `it has ${data.length} bytes instead of ${entry.bytes}`);
  if (crc32(data) !== entry.crc) throw bad(entry, 'its CRC-32 is wrong');
  const file = create(root, entry);
  try {
    writeWhole(file, data, entry);
    setTime(file, entry);
  } finally {
    closeSync(file);
  }
  return createHash('sha256').update(data).digest('hex');
}

function inflate(packed: Buffer, entry: PlannedEntry): Buffer {
  try {
    return inflateRawSync(packed, {
      maxOutputLength: Math.max(1, entry.bytes),
      chunkSize: Math.min(Math.max(entry.bytes, 64), pieceBytes),
      finishFlush: zlib.Z_FINISH,
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw bad(
      entry,
      code === 'ERR_BUFFER_TOO_LARGE' ? `it has more bytes than the ${entry.bytes} it tells of` : message,
    );
  }
}

async function unpackLarge(zip: number, root: string, entry: PlannedEntry): Promise<string> {
  const header = readExactly(zip, entry.offset, Math.min(entry.end - entry.offset, 30 + 2 * 0xffff));
  const at = entry.offset + dataStart(header, entry);
  const hash = createHash('sha256');
  let crc = 0;
  let bytes = 0;
  const file = create(root, entry);
  try {
    for await (const data of entry.method === 0 ? stored(zip, at, entry.packed) : inflated(zip, at, entry)) {
      bytes += data.length;
      if (bytes > entry.bytes) throw bad(entry, `it has more bytes than the ${entry.bytes} it tells of`);
      hash.update(data);
      crc = crc32(data, crc);
      writeWhole(file, data, entry);
    }
    if (bytes !== entry.bytes) throw bad(entry, `it has ${bytes} bytes instead of ${entry.bytes}`);
    if (crc !== entry.crc) throw bad(entry, 'its CRC-32 is wrong');
    setTime(file, entry);
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

function* stored(zip: number, at: number, length: number): Generator<Buffer> {
  for (let done = 0; done < length; done += pieceBytes)
    yield readExactly(zip, at + done, Math.min(pieceBytes, length - done));
}

/** While a piece is hashed and written here, the next one is inflated on another thread. */
async function* inflated(zip: number, at: number, entry: PlannedEntry): AsyncGenerator<Buffer> {
  const source = Readable.from(stored(zip, at, entry.packed), { highWaterMark: 2 });
  const inflater = createInflateRaw({ chunkSize: pieceBytes });
  source.on('error', (error) => inflater.destroy(error));
  source.pipe(inflater);
  try {
    for await (const data of inflater as AsyncIterable<Buffer>) yield data;
  } catch (error) {
    throw bad(entry, (error as Error).message);
  } finally {
    source.destroy();
    inflater.destroy();
  }
}

/** Where the data begin, behind a header that says the same as the directory. */
function dataStart(header: Buffer, entry: PlannedEntry): number {
  if (header.length < 30 || header.readUInt32LE(0) !== 0x04034b50)
    throw bad(entry, 'its header is not beside its data');
  const nameEnd = 30 + header.readUInt16LE(26);
  const start = nameEnd + header.readUInt16LE(28);
  if (start + entry.packed > entry.end - entry.offset) throw bad(entry, 'its data overlap what follows them');
  if (header.toString('latin1', 30, nameEnd) !== entry.raw) throw bad(entry, 'it has another name beside its data');
  if (header.readUInt16LE(8) !== entry.method) throw bad(entry, 'it is packed otherwise beside its data');
  const flags = header.readUInt16LE(6);
  if (flags & 1) throw bad(entry, 'it is encrypted beside its data');
  if (flags & 8) return start;
  const large = extraFields(header.subarray(nameEnd, start), 0).find((field) => field.id === 1)?.data;
  const size = (at: number, place: number): number => {
    const value = header.readUInt32LE(at);
    return value === 0xffffffff && large && large.length >= place + 8 ? Number(large.readBigUInt64LE(place)) : value;
  };
  if (header.readUInt32LE(14) !== entry.crc) throw bad(entry, 'it has another CRC-32 beside its data');
  if (size(22, 0) !== entry.bytes || size(18, 8) !== entry.packed)
    throw bad(entry, 'it has another size beside its data');
  return start;
}

function create(root: string, entry: PlannedEntry): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    return openSync(join(root, entry.path), flags, 0o666);
  } catch (error) {
    throw new EntryWriteError(entry.path, entry.bytes, error);
  }
}

function writeWhole(file: number, data: Buffer, entry: PlannedEntry): void {
  try {
    for (let done = 0; done < data.length;) done += writeSync(file, data, done);
  } catch (error) {
    throw new EntryWriteError(entry.path, entry.bytes, error);
  }
}

/** Storages that refuse a file's time (some SMB shares) keep their own. */
function setTime(file: number, entry: PlannedEntry): void {
  const time = Math.min(Math.max(entry.mtime || 0, 0), 0xffffffff);
  try {
    futimesSync(file, time, time);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(code))
      throw new EntryWriteError(entry.path, entry.bytes, error);
  }
}

function readExactly(file: number, at: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, buffer, done, length - done, at + done);
    if (read === 0) break;
    done += read;
  }
  return buffer.subarray(0, done);
}

function bad(entry: PlannedEntry, reason: string): ZipError {
  return new ZipError(`"${entry.path}": ${reason}`);
}
