/** Packs small files for a zip, ready to be put anywhere into it. */
import { crc32, deflateRawSync } from 'node:zlib';
import { localHeader, type ZipRecord } from './zip-records.ts';

const sampleBytes = 8 * 1024;
/** Below this the header outweighs what could be won. */
const leastToDeflate = 4096;

export interface PackedEntry {
  record: Omit<ZipRecord, 'name'> & { name: Uint8Array };
  headerBytes: number;
  /** CRC-32 of the data as they lie in the zip. */
  packedCrc: number;
}

/** Header and data of one entry; `offset`: where its header will begin. */
export function packSmall(
  name: string,
  data: Buffer,
  crc: number,
  mtime: number,
  offset: number,
): { entry: PackedEntry; header: Buffer; packed: Buffer } {
  const deflated = pays(data) ? deflateRawSync(data, { level: 1 }) : null;
  const packed = deflated && deflated.length < data.length ? deflated : data;
  const record: ZipRecord = {
    name: Buffer.from(name),
    bytes: data.length,
    packed: packed.length,
    crc,
    method: packed === data ? 0 : 8,
    mtime,
    offset,
  };
  const header = localHeader(record);
  const packedCrc = packed === data ? crc : crc32(packed);
  return { entry: { record, headerBytes: header.length, packedCrc }, header, packed };
}

/** Label masks shrink 500-fold, 16-bit camera images hardly: half of a sample decides. */
export function pays(data: Buffer): boolean {
  if (data.length < leastToDeflate) return false;
  return deflateRawSync(data.subarray(0, sampleBytes), { level: 1 }).length < Math.min(data.length, sampleBytes) / 2;
}
