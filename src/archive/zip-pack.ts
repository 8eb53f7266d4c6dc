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

/**
 * Header and data of one entry; `offset`: where its header will begin.
 *
 * @param worth decides whether to deflate, without one a sample of this file does
 */
export function packSmall(
  name: string,
  data: Buffer,
  crc: number,
  mtime: number,
  offset: number,
  worth: (name: string, data: Buffer) => boolean = (_, of) => pays(of),
): { entry: PackedEntry; header: Buffer; packed: Buffer } {
  const deflated = worth(name, data) ? deflateRawSync(data, { level: 1 }) : null;
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

/** Samples in a row that must agree before not every file is sampled any more, and then one in so many is. */
const agreeing = 8;
const oneIn = 16;

/**
 * Decides for many files of a kind from samples of some: deflating a sample of each would cost more than all the rest. A
 * kind is the ending of a name; chunks of an OME-Zarr have none. Of a wrong guess the zip is larger, and nothing else.
 */
export class Sampler {
  readonly #kinds = new Map<string, { pays: boolean; inARow: number; seen: number }>();

  worth = (name: string, data: Buffer): boolean => {
    const kind = /\.[A-Za-z][A-Za-z0-9]{0,9}$/.exec(name)?.[0] ?? '';
    const known = this.#kinds.get(kind);
    if (known && known.inARow >= agreeing && ++known.seen % oneIn !== 0)
      return known.pays && data.length >= leastToDeflate;
    const found = pays(data);
    if (known?.pays === found) known.inARow++;
    else this.#kinds.set(kind, { pays: found, inARow: 1, seen: 0 });
    return found;
  };
}
