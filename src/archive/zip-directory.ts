/**
 * Reads the directory at the end of a zip (PKWARE APPNOTE 6.3: 4.3.12, 4.3.14 to 4.3.16), in pieces, so that its size
 * costs no memory. Every number is checked against the file; what does not fit is a ZipError, never a guess.
 */
import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import yauzl from 'yauzl';

/** What makes a zip unusable, as words for people. */
export class ZipError extends Error {}

export interface ZipEntry {
  /** The name as text where its encoding is known; bytes that are not UTF-8 stay bytes. */
  name: string | Buffer;
  /** The name's bytes as latin1, to compare with the header beside the data. */
  raw: string;
  method: number;
  flags: number;
  crc: number;
  packed: number;
  bytes: number;
  /** Where its local header begins. */
  offset: number;
  /** Kind of file by Unix mode (0o170000), 0 when the zip does not say. */
  kind: number;
  /** Seconds since 1970. */
  mtime: number;
}

export interface ZipDirectory {
  count: number;
  /** Where the directory begins: no entry's data reach beyond. */
  at: number;
  bytes: number;
}

const max16 = 0xffff;
const max32 = 0xffffffff;
const windowBytes = 1024 * 1024;

/** Finds the directory. Throws ZipError. */
export async function findDirectory(file: FileHandle, fileBytes: number): Promise<ZipDirectory> {
  const tailAt = Math.max(0, fileBytes - 22 - max16 - 20);
  const tail = await readAt(file, tailAt, fileBytes - tailAt);
  const end = endRecord(tail);
  if (end < 0) throw new ZipError('its end is missing, so it is cut off or no zip');
  const number = (at: number, size: 2 | 4): number => tail.readUIntLE(end + at, size);
  let directory = { count: number(10, 2), bytes: number(12, 4), at: number(16, 4) };
  let disks = number(4, 2) !== 0 || number(6, 2) !== 0 || number(8, 2) !== number(10, 2);
  let directoryEnd = tailAt + end;
  if (directory.count === max16 || directory.bytes === max32 || directory.at === max32) {
    const locator = end - 20;
    if (locator >= 0 && tail.readUInt32LE(locator) === 0x07064b50) {
      directoryEnd = safe(tail.readBigUInt64LE(locator + 8));
      if (directoryEnd + 56 > fileBytes) throw new ZipError('its zip64 end lies beyond the file');
      const large = await readAt(file, directoryEnd, 56);
      if (large.readUInt32LE(0) !== 0x06064b50) throw new ZipError('its zip64 end is missing');
      disks = large.readUInt32LE(16) !== 0 || large.readUInt32LE(20) !== 0 || tail.readUInt32LE(locator + 16) > 1;
      const at = (place: number): number => safe(large.readBigUInt64LE(place));
      directory = { count: at(32), bytes: at(40), at: at(48) };
    }
  }
  if (disks) throw new ZipError('it is one of several disks');
  if (directory.at + directory.bytes !== directoryEnd) throw new ZipError('its directory is not where its end says');
  if (directory.count * 46 > directory.bytes)
    throw new ZipError(`its directory is too small for ${directory.count} entries`);
  return directory;
}

/** The last end record whose comment reaches exactly to the end of the file. */
function endRecord(tail: Buffer): number {
  for (let at = tail.length - 22; at >= 0; at--)
    if (tail.readUInt32LE(at) === 0x06054b50 && at + 22 + tail.readUInt16LE(at + 20) === tail.length) return at;
  return -1;
}

/** Gives the entries in the directory's order. Throws ZipError. */
export async function* readDirectory(file: FileHandle, directory: ZipDirectory): AsyncGenerator<ZipEntry[]> {
  let rest: Buffer = Buffer.alloc(0);
  let read = 0;
  let seen = 0;
  while (read < directory.bytes) {
    const more = await readAt(file, directory.at + read, Math.min(windowBytes, directory.bytes - read));
    read += more.length;
    rest = rest.length > 0 ? Buffer.concat([rest, more]) : more;
    const entries: ZipEntry[] = [];
    let at = 0;
    while (rest.length - at >= 46) {
      if (rest.readUInt32LE(at) !== 0x02014b50) throw new ZipError(`entry ${seen + 1} of its directory is damaged`);
      const [name, extra, comment] = [28, 30, 32].map((place) => rest.readUInt16LE(at + place)) as [
        number,
        number,
        number,
      ];
      const next = at + 46 + name + extra + comment;
      if (next > rest.length) break;
      seen++;
      if (seen > directory.count) throw new ZipError(`it has more entries than the ${directory.count} it tells of`);
      entries.push(parseEntry(rest, at, name, extra, seen));
      at = next;
    }
    rest = rest.subarray(at);
    if (entries.length > 0) yield entries;
  }
  if (rest.length > 0) throw new ZipError('its directory ends inside an entry');
  if (seen !== directory.count) throw new ZipError(`it has ${seen} entries instead of ${directory.count}`);
}

function parseEntry(from: Buffer, at: number, nameBytes: number, extraBytes: number, n: number): ZipEntry {
  const raw = from.subarray(at + 46, at + 46 + nameBytes);
  const fields = extraFields(from.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes), n);
  const flags = from.readUInt16LE(at + 8);
  const sizes = {
    bytes: from.readUInt32LE(at + 24),
    packed: from.readUInt32LE(at + 20),
    offset: from.readUInt32LE(at + 42),
  };
  const large = fields.find((field) => field.id === 1)?.data;
  let place = 0;
  for (const key of ['bytes', 'packed', 'offset'] as const)
    if (sizes[key] === max32 && large !== undefined) {
      if (place + 8 > large.length) throw new ZipError(`entry ${n} of its directory lacks a large number`);
      sizes[key] = safe(large.readBigUInt64LE(place));
      place += 8;
    }
  if (from.readUInt16LE(at + 34) !== 0 && from.readUInt16LE(at + 34) !== max16)
    throw new ZipError(`entry ${n} lies on another disk`);
  const stamp = fields.find((field) => field.id === 0x5455)?.data;
  return {
    name: nameOf(flags, from.readUInt8(at + 5), raw, fields),
    raw: raw.toString('latin1'),
    method: from.readUInt16LE(at + 10),
    flags,
    crc: from.readUInt32LE(at + 16),
    ...sizes,
    kind: (from.readUInt32LE(at + 38) >>> 16) & 0o170000,
    mtime: stamp && stamp.length >= 5 && (stamp[0] ?? 0) & 1 ? stamp.readInt32LE(1) : dosTime(from, at + 12),
  };
}

/**
 * Without the flag for UTF-8 the standard says code page 437, but tools on Unix write the bytes of their file system.
 * A field with the Unicode name wins when it belongs to these bytes.
 */
function nameOf(flags: number, madeOn: number, raw: Buffer, fields: { id: number; data: Buffer }[]): string | Buffer {
  const unix = madeOn === 3 || madeOn === 19;
  // A copy: the window it lies in goes away.
  if (flags & 0x800 || (unix && isUtf8(raw) && !fields.some((field) => field.id === 0x7075))) return Buffer.from(raw);
  return yauzl.getFileNameLowLevel(flags, raw, fields, true);
}

/** Fields behind a name; what is left over is padding. */
export function extraFields(extra: Buffer, n: number): { id: number; data: Buffer }[] {
  const fields: { id: number; data: Buffer }[] = [];
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) throw new ZipError(`entry ${n} has a field that is longer than its header`);
    fields.push({ id: extra.readUInt16LE(at), data: extra.subarray(at + 4, end) });
    at = end;
  }
  return fields;
}

/** DOS time is local, in steps of two seconds. */
function dosTime(from: Buffer, at: number): number {
  const [time, date] = [from.readUInt16LE(at), from.readUInt16LE(at + 2)];
  const [year, month, day] = [1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31];
  return new Date(year, month, day, time >> 11, (time >> 5) & 63, (time & 31) * 2).getTime() / 1000;
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ZipError('a number in it is beyond any size');
  return Number(value);
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) throw new ZipError('it ended while it was read');
    done += bytesRead;
  }
  return buffer;
}
