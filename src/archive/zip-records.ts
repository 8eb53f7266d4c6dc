/** The records of the zip format that we write (PKWARE APPNOTE 6.3: 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3). */

export interface ZipRecord {
  name: Buffer;
  bytes: number;
  /** Bytes after compression. */
  packed: number;
  crc: number;
  method: 0 | 8;
  /** Seconds since 1970. */
  mtime: number;
  /** Where its local header begins. */
  offset: number;
}

const max32 = 0xffffffff;
/** Deflate may enlarge what does not shrink, by 5 bytes in 16 KiB at most: room for that is kept below the limit. */
const zip64From = max32 - 0x1000000;
const utf8Names = 0x800;

function isLarge(record: ZipRecord): boolean {
  return record.bytes >= zip64From;
}

/** Header before an entry's data; its length does not depend on CRC and packed size. */
export function localHeader(record: ZipRecord): Buffer {
  const extra = isLarge(record) ? zip64Extra([record.bytes, record.packed]) : Buffer.alloc(0);
  const time = timeExtra(record.mtime);
  const fixed = Buffer.alloc(30);
  fixed.writeUInt32LE(0x04034b50, 0);
  fixed.writeUInt16LE(isLarge(record) ? 45 : 20, 4);
  fixed.writeUInt16LE(utf8Names, 6);
  fixed.writeUInt16LE(record.method, 8);
  fixed.writeUInt32LE(dosTime(record.mtime), 10);
  fixed.writeUInt32LE(record.crc, 14);
  fixed.writeUInt32LE(isLarge(record) ? max32 : record.packed, 18);
  fixed.writeUInt32LE(isLarge(record) ? max32 : record.bytes, 22);
  fixed.writeUInt16LE(record.name.length, 26);
  fixed.writeUInt16LE(extra.length + time.length, 28);
  return Buffer.concat([fixed, record.name, extra, time]);
}

/** Entry of the directory at the end of the archive. */
export function centralRecord(record: ZipRecord): Buffer {
  const far = record.offset >= max32;
  const large = isLarge(record);
  const numbers = [...(large ? [record.bytes, record.packed] : []), ...(far ? [record.offset] : [])];
  const extra = numbers.length > 0 ? zip64Extra(numbers) : Buffer.alloc(0);
  const time = timeExtra(record.mtime);
  const folder = record.name.at(-1) === 0x2f;
  const fixed = Buffer.alloc(46);
  fixed.writeUInt32LE(0x02014b50, 0);
  fixed.writeUInt16LE((3 << 8) | 45, 4);
  fixed.writeUInt16LE(numbers.length > 0 ? 45 : 20, 6);
  fixed.writeUInt16LE(utf8Names, 8);
  fixed.writeUInt16LE(record.method, 10);
  fixed.writeUInt32LE(dosTime(record.mtime), 12);
  fixed.writeUInt32LE(record.crc, 16);
  fixed.writeUInt32LE(large ? max32 : record.packed, 20);
  fixed.writeUInt32LE(large ? max32 : record.bytes, 24);
  fixed.writeUInt16LE(record.name.length, 28);
  fixed.writeUInt16LE(extra.length + time.length, 30);
  fixed.writeUInt32LE(folder ? ((0o40755 << 16) | 0x10) >>> 0 : (0o100644 << 16) >>> 0, 38);
  fixed.writeUInt32LE(far ? max32 : record.offset, 42);
  return Buffer.concat([fixed, record.name, extra, time]);
}

/** What closes the archive: the zip64 records when a number asks for them, and the end record. */
export function endRecords(count: number, directoryBytes: number, directoryAt: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(Math.min(directoryBytes, max32), 12);
  end.writeUInt32LE(Math.min(directoryAt, max32), 16);
  if (count < 0xffff && directoryBytes < max32 && directoryAt < max32) return end;
  const large = Buffer.alloc(56);
  large.writeUInt32LE(0x06064b50, 0);
  large.writeBigUInt64LE(44n, 4);
  large.writeUInt16LE((3 << 8) | 45, 12);
  large.writeUInt16LE(45, 14);
  large.writeBigUInt64LE(BigInt(count), 24);
  large.writeBigUInt64LE(BigInt(count), 32);
  large.writeBigUInt64LE(BigInt(directoryBytes), 40);
  large.writeBigUInt64LE(BigInt(directoryAt), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(directoryAt + directoryBytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([large, locator, end]);
}

function zip64Extra(numbers: number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * numbers.length);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(8 * numbers.length, 2);
  for (const [i, number] of numbers.entries()) extra.writeBigUInt64LE(BigInt(number), 4 + 8 * i);
  return extra;
}

/** Info-ZIP's UTC time, because DOS time is local and has two-second steps. */
function timeExtra(mtime: number): Buffer {
  const extra = Buffer.alloc(9);
  extra.writeUInt16LE(0x5455, 0);
  extra.writeUInt16LE(5, 2);
  extra[4] = 1;
  extra.writeInt32LE(clamp(mtime, 0, 0x7fffffff), 5);
  return extra;
}

function dosTime(mtime: number): number {
  // 1980-01-02 to 2107-12-30: what DOS time can say, in any time zone.
  const at = new Date(clamp(mtime, 315_619_200, 4_354_732_800) * 1000);
  const date = ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  return ((date << 16) | time) >>> 0;
}

function clamp(value: number, least: number, most: number): number {
  return Math.trunc(Math.min(most, Math.max(least, value)));
}
