import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { photograph } from '../../src/embedded/sample/images.ts';
import { placeNuclei } from '../../src/embedded/sample/nuclei.ts';
import { seededRandom } from '../../src/lib/random.ts';

/** A kind of results, made anew for every run of the benchmark. */
export interface DataSet {
  name: string;
  title: string;
  files: number;
  /** Bytes of one file. */
  bytes: number;
  content: 'image' | 'noise' | 'labels';
}

const MiB = 2 ** 20;

export const unpackSets: readonly DataSet[] = [
  { name: 'images', title: '512 MiB, 8 images', files: 8, bytes: 64 * MiB, content: 'noise' },
  { name: 'chunks', title: '20,000 chunks of 4 KiB', files: 20_000, bytes: 4096, content: 'noise' },
  { name: 'many', title: '200,000 chunks of 4 KiB', files: 200_000, bytes: 4096, content: 'noise' },
  { name: 'large', title: 'one entry of 5 GiB', files: 1, bytes: 5 * 1024 * MiB, content: 'noise' },
];

export const homeSets: readonly DataSet[] = [
  { name: 'home-images', title: '1 GiB, 20 images', files: 20, bytes: Math.floor((1024 * MiB) / 20), content: 'image' },
  {
    name: 'home-noise',
    title: '1 GiB, 20 images of noise',
    files: 20,
    bytes: Math.floor((1024 * MiB) / 20),
    content: 'noise',
  },
  {
    name: 'home-labels',
    title: '1 GiB, 20 label masks',
    files: 20,
    bytes: Math.floor((1024 * MiB) / 20),
    content: 'labels',
  },
  { name: 'home-files', title: '10,000 files of 20 kB', files: 10_000, bytes: 20_000, content: 'noise' },
];

/** The set with a part of its bytes, for a quick look. */
export function shrink(set: DataSet, by: number): DataSet {
  const [files, bytes] =
    set.files > 100 ? [Math.ceil(set.files / by), set.bytes] : [set.files, Math.ceil(set.bytes / by)];
  return { ...set, files, bytes, title: `${set.title}, 1/${by}` };
}

/** Writes the set's files below a folder, 1000 to a folder where there are many. */
export function makeFiles(set: DataSet, folder: string): void {
  const source = pixels[set.content]();
  for (let n = 0; n < set.files; n++) {
    const into = set.files > 1000 ? join(folder, `part-${Math.floor(n / 1000)}`) : folder;
    if (n % 1000 === 0) mkdirSync(into, { recursive: true });
    const file = openSync(join(into, `${set.content}-${n}.${set.files > 1000 ? 'bin' : 'tif'}`), 'w');
    // Every file begins elsewhere in the pixels, so that no two are the same.
    let at = (n * 7919 * 2) % (source.length - set.bytes > 0 ? source.length - set.bytes : source.length);
    for (let left = set.bytes; left > 0;) {
      const part = source.subarray(at, Math.min(source.length, at + left));
      writeSync(file, part);
      left -= part.length;
      at = 0;
    }
    closeSync(file);
  }
}

const pixels: Record<DataSet['content'], () => Buffer> = {
  image: () => imagePixels(1448),
  noise: () => noisePixels(16 * MiB),
  labels: () => labelPixels(16 * MiB),
};

/** 16-bit fluorescence image of nuclei with photon and read noise, as the quick start's; deflate shrinks it by two fifths. */
function imagePixels(size: number): Buffer {
  const random = seededRandom(1, 1);
  const { buffer } = photograph(random, placeNuclei(random, size), size);
  return Buffer.from(buffer);
}

/** 16-bit pixels of ten bits of noise: as fast for deflate as pixels can be, for it finds nothing to refer back to. */
function noisePixels(bytes: number): Buffer {
  const pixels = randomFillSync(Buffer.alloc(bytes));
  for (let i = 1; i < bytes; i += 2) pixels[i] = (pixels[i] ?? 0) & 3;
  return pixels;
}

/** 16-bit label masks: background, and every 400 pixels a run of one label. */
function labelPixels(bytes: number): Buffer {
  const pixels = Buffer.alloc(bytes);
  for (let i = 0; i + 200 < bytes; i += 800)
    for (let k = 0; k < 100; k += 2) pixels.writeUInt16LE(1 + (i >> 16), i + k);
  return pixels;
}
