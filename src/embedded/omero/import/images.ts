import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeError } from '../../../domain/errors.ts';
import { readStore } from '../../../zarr/read-store.ts';
import { isZarrPath } from '../../../zarr/store-name.ts';
import { decodePlane } from './decode-plane.ts';
import { parseOmeXml, type OmeImage } from './ome-xml.ts';
import { readJpegSize, readPngSize } from './raster-header.ts';
import { readTiffPages, UnreadableImage, type TiffPage } from './tiff-pages.ts';

/** One image of a file, ready to be registered. */
export interface ImageInFile {
  readonly name: string;
  readonly series: number;
  /** OMERO's word: `uint16`. */
  readonly pixelsType: string;
  readonly bits: number;
  readonly dimensionOrder: string;
  readonly size: Readonly<Record<'X' | 'Y' | 'Z' | 'C' | 'T', number>>;
  readonly physicalSize: OmeImage['physicalSize'];
  /** TIFF directory of the first plane; null: not a TIFF. */
  readonly firstDirectory: number | null;
}

export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
  readonly images: readonly ImageInFile[];
}

/** Opens a file and reads what images it has. Throws UnreadableImage for what is none, or is damaged. */
export async function inspect(path: string): Promise<ImageFile> {
  if (isZarrPath(path)) return inspectStore(path);
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(8);
    await file.read(head, 0, 8, 0);
    const plain = (rest: Pick<ImageInFile, 'bits' | 'size'>): ImageFile => ({
      path,
      bytes: size,
      images: [{ ...single(path), ...rest, pixelsType: rest.bits > 8 ? 'uint16' : 'uint8' }],
    });
    if (head.toString('latin1', 1, 4) === 'PNG') return plain(await readPngSize(file, size));
    if (head.readUInt16BE(0) === 0xffd8) return plain(await readJpegSize(file, size));
    const pages = await readTiffPages(file, size);
    return { path, bytes: size, images: imagesOf(path, pages) };
  } finally {
    await file.close();
  }
}

/** A store is known to the server by its metadata file, as Bio-Formats names it. */
async function inspectStore(path: string): Promise<ImageFile> {
  const [content, files] = await Promise.all([readStore(path), readdir(path)]).catch((cause: unknown) => {
    throw new UnreadableImage(describeError(cause), { cause });
  });
  const found =
    content.kind === 'images' ? content.images : content.plate.wells.flatMap((w) => w.fields.map((f) => f.image));
  const images = found.map(({ metadata: { size, pixelsType, bits } }, series) => ({
    ...single(path),
    series,
    pixelsType,
    bits,
    size: { X: size.x, Y: size.y, Z: size.z, C: size.c, T: size.t },
  }));
  const file = files.includes('.zattrs') ? '.zattrs' : 'zarr.json';
  return { path: join(path, file), bytes: (await stat(join(path, file))).size, images };
}

/** Decodes the first plane of every image: what the server does when it computes their statistics. */
export async function decodeFirstPlanes({ path, images }: ImageFile): Promise<void> {
  for (const { firstDirectory } of images) if (firstDirectory !== null) await decodePlane(path, firstDirectory);
}

async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new UnreadableImage(`it cannot be opened (${(cause as NodeJS.ErrnoException).code ?? 'error'})`, { cause });
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new UnreadableImage('it is no regular file', { unknownFormat: true });
}

const single = (path: string): Omit<ImageInFile, 'pixelsType' | 'bits' | 'size'> => ({
  name: basename(path),
  series: 0,
  dimensionOrder: 'XYCZT',
  physicalSize: {},
  firstDirectory: null,
});

function imagesOf(path: string, pages: readonly TiffPage[]): ImageInFile[] {
  const [first] = pages;
  if (!first) throw new UnreadableImage('it has no image');
  if (/<(\w+:)?OME[\s>]/.test(first.description.slice(0, 10_000))) return omeImages(path, pages, first.description);
  const { width: X, height: Y, samples } = first;
  const alike = pages.filter((p) => p.width === X && p.height === Y && p.samples === samples && p.bits === first.bits);
  const { Z, C, T } = stackOf(first.description, alike.length);
  const size = { X, Y, Z, C: C * samples, T };
  const common = { ...single(path), pixelsType: typeOf(first), bits: first.bits };
  return [{ ...common, size, firstDirectory: first.index }];
}

/** ImageJ says how its pages are to be counted; of others all pages are points in time, as Bio-Formats has it. */
function stackOf(description: string, pages: number): Record<'Z' | 'C' | 'T', number> {
  const stated = (name: string): number =>
    Number(new RegExp(`^${name}=(\\d{1,7})\\s*$`, 'm').exec(description)?.[1] ?? 1);
  const size = { Z: stated('slices'), C: stated('channels'), T: stated('frames') };
  const isImageJ = description.startsWith('ImageJ=');
  return isImageJ && size.Z * size.C * size.T === pages ? size : { Z: 1, C: 1, T: pages };
}

function omeImages(path: string, pages: readonly TiffPage[], xml: string): ImageInFile[] {
  const described = parseOmeXml(xml);
  const byIndex = new Map(pages.map((page) => [page.index, page]));
  let next = 0;
  return described.map((image, series) => {
    const start = image.firstDirectory ?? next;
    const page = byIndex.get(start);
    if (!page) throw new UnreadableImage(`image ${series + 1} has no page ${start + 1}: it is truncated`);
    const planes = (image.size.Z * image.size.C * image.size.T) / page.samples;
    next = start + planes;
    if (page.width !== image.size.X || page.height !== image.size.Y)
      throw new UnreadableImage(`image ${series + 1} is not of the size that its OME-XML states`);
    for (let i = start; i < next; i++)
      if (!byIndex.has(i)) throw new UnreadableImage(`image ${series + 1} lacks page ${i + 1}: it is truncated`);
    const name = described.length === 1 ? basename(path) : `${basename(path)} [${image.name ?? series}]`;
    const { dimensionOrder, size, physicalSize } = image;
    return {
      name,
      series,
      pixelsType: typeOf(page),
      bits: page.bits,
      dimensionOrder,
      size,
      physicalSize,
      firstDirectory: start,
    };
  });
}

function typeOf({ bits, sampleFormat }: TiffPage): string {
  if (bits === 1) return 'bit';
  const size = bits <= 8 ? 8 : bits <= 16 ? 16 : bits <= 32 ? 32 : 64;
  if (sampleFormat === 3 && size === 64) return 'double';
  if (sampleFormat === 3 && size === 32) return 'float';
  if (size === 64 || sampleFormat > 2) throw new UnreadableImage(`pixels of ${bits} bits are not known`);
  return `${sampleFormat === 2 ? 'int' : 'uint'}${size}`;
}
