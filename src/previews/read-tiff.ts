import { stat } from 'node:fs/promises';
import { fromFile, GeoTIFFImage, type GeoTIFF } from 'geotiff';
import { checkSize, NoPreview, type Plane } from './plane.ts';

/**
 * Reads a TIFF, OME-TIFF or BigTIFF: the first plane, of a stack the middle one, from the smallest level of its pyramid that
 * is not smaller than asked for. Levels are pages marked as reduced, or SubIFDs as OME-TIFF has them.
 */
export async function readTiff(path: string, size: number): Promise<Plane> {
  const tiff = await fromFile(path);
  try {
    const count = await countPages(tiff);
    const first = await tiff.getImage(0);
    const full = { width: first.getWidth(), height: first.getHeight() };
    const pages = await fullPages(tiff, count, full);
    const page = pages[Math.floor((pages.length - 1) / 2)] ?? first;
    const levels = [page, ...(await subImages(tiff, page)), ...(await reducedPages(tiff, count, full, pages.length))];
    const level = smallestAtLeast(levels, size);
    checkSize(level.getWidth(), level.getHeight());
    await requireWhole(level, (await stat(path)).size);
    return await readLevel(level, full, pages.length);
  } finally {
    await tiff.close();
  }
}

const mostPages = 10_000;

async function countPages(tiff: GeoTIFF): Promise<number> {
  const count = await tiff.getImageCount();
  if (count < 1) throw new NoPreview('it has no image');
  return Math.min(count, mostPages);
}

/** Pages of the full size: planes. Looking at a few tells how the file is made; a stack has them all alike. */
async function fullPages(
  tiff: GeoTIFF,
  count: number,
  full: { width: number; height: number },
): Promise<GeoTIFFImage[]> {
  const pages: GeoTIFFImage[] = [];
  for (let i = 0; i < Math.min(count, 64); i++) {
    const page = await tiff.getImage(i);
    if (page.getWidth() === full.width && page.getHeight() === full.height) pages.push(page);
  }
  return pages;
}

/** Pages after the planes that are smaller: another way of storing a pyramid, of the first plane. */
async function reducedPages(
  tiff: GeoTIFF,
  count: number,
  full: { width: number; height: number },
  planes: number,
): Promise<GeoTIFFImage[]> {
  const reduced: GeoTIFFImage[] = [];
  if (planes !== 1) return reduced;
  for (let i = 1; i < Math.min(count, 32); i++) {
    const page = await tiff.getImage(i);
    const sameShape = Math.abs(page.getWidth() / page.getHeight() - full.width / full.height) < 0.05;
    if (page.getWidth() < full.width && sameShape) reduced.push(page);
  }
  return reduced;
}

async function subImages(tiff: GeoTIFF, page: GeoTIFFImage): Promise<GeoTIFFImage[]> {
  const directory = page.getFileDirectory();
  if (!directory.hasTag('SubIFDs')) return [];
  const found: unknown = await directory.loadValue('SubIFDs');
  const offsets = (typeof found === 'number' ? [found] : Array.from((found ?? []) as ArrayLike<number>)).slice(0, 32);
  const images: GeoTIFFImage[] = [];
  for (const offset of offsets) {
    const sub = await tiff.parser.parseFileDirectoryAt(Number(offset));
    images.push(new GeoTIFFImage(sub, tiff.littleEndian, false, tiff.source));
  }
  return images;
}

function smallestAtLeast(levels: readonly GeoTIFFImage[], size: number): GeoTIFFImage {
  const longest = (image: GeoTIFFImage): number => Math.max(image.getWidth(), image.getHeight());
  const sorted = levels.toSorted((a, b) => longest(a) - longest(b));
  const level = sorted.find((image) => longest(image) >= size) ?? sorted.at(-1);
  if (!level) throw new NoPreview('it has no image');
  return level;
}

/** What lies behind the end of a file reads as zeros: a file that was cut off would pass for a dark image. */
async function requireWhole(image: GeoTIFFImage, size: number): Promise<void> {
  const directory = image.getFileDirectory();
  const numbers = async (
    tag: 'TileOffsets' | 'TileByteCounts' | 'StripOffsets' | 'StripByteCounts',
  ): Promise<number[]> => {
    if (!directory.hasTag(tag)) return [];
    const found: unknown = await directory.loadValue(tag);
    return typeof found === 'number' || typeof found === 'bigint'
      ? [Number(found)]
      : Array.from((found ?? []) as ArrayLike<number | bigint>, Number);
  };
  const tiled = directory.hasTag('TileOffsets');
  const offsets = await numbers(tiled ? 'TileOffsets' : 'StripOffsets');
  const counts = await numbers(tiled ? 'TileByteCounts' : 'StripByteCounts');
  if (offsets.some((offset, i) => offset + (counts[i] ?? 0) > size)) throw new NoPreview('it is cut off');
}

async function readLevel(image: GeoTIFFImage, full: { width: number; height: number }, planes: number): Promise<Plane> {
  const [width, height] = [image.getWidth(), image.getHeight()];
  const found = image.getSamplesPerPixel();
  const samples = found === 3 || found === 4 ? found : 1;
  const raster = await image.readRasters({ interleave: true, samples: [...Array(samples).keys()] });
  const pixels = raster as unknown as ArrayLike<number>;
  return {
    width,
    height,
    fullWidth: full.width,
    fullHeight: full.height,
    samples,
    pixels,
    typeMax: typeMaxOf(pixels),
    planes,
  };
}

/** Largest value of a typed array's type; null for floating point. */
export function typeMaxOf(pixels: ArrayLike<number>): number | null {
  if (pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray) return 255;
  if (pixels instanceof Uint16Array) return 65_535;
  if (pixels instanceof Uint32Array) return 4_294_967_295;
  if (pixels instanceof Int8Array) return 127;
  if (pixels instanceof Int16Array) return 32_767;
  if (pixels instanceof Int32Array) return 2_147_483_647;
  return null;
}
