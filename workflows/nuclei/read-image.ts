import { readFile, stat } from 'node:fs/promises';
import { fromArrayBuffer, type GeoTIFFImage } from 'geotiff';
import { describeTiff, type Axes } from './tiff-description.ts';
import type { Plane } from './plane.ts';

/** Which part of a coloured or several-channel image is analysed. */
export type ChannelChoice = 'auto' | 'luminance' | 'red' | 'green' | 'blue' | number;

export interface ReadImage {
  plane: Plane;
  /** Micrometres per pixel; null when the file does not say. */
  pixelSize: { x: number; y: number } | null;
}

const maxPixels = 2 ** 27;
const maxFileBytes = 2 ** 31;
/** Blue below this share of the brightest colour holds no stain, only what leaks into it. */
const leastBlue = 0.1;
const reducedImage = 1;
const rgb = 2;
const whiteIsZero = 0;

/**
 * Reads a TIFF as one grey plane: the chosen channel at the first time point, the brightest value through its focal
 * planes. `auto` takes the blue of a colour image, where nuclear stains are shown by custom, or its luminance when blue is
 * nearly empty; of other images the first channel.
 *
 * @throws Error with a sentence for people when the file cannot be read whole
 */
export async function readImage(path: string, channel: ChannelChoice): Promise<ReadImage> {
  const { size } = await stat(path);
  if (size > maxFileBytes) throw new Error(`it has ${size} bytes; at most ${maxFileBytes} can be read`);
  const bytes = await readFile(path);
  if (!/^(?:II[*+]\0|MM\0[*+])$/.test(bytes.toString('latin1', 0, 4))) throw new Error('it is not a TIFF file');
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const tiff = await fromArrayBuffer(buffer);
  const pages: GeoTIFFImage[] = [];
  for (let i = 0; i < (await tiff.getImageCount()); i++) {
    const page = await tiff.getImage(i);
    const isFullSize = page.getWidth() === pages[0]?.getWidth() && page.getHeight() === pages[0]?.getHeight();
    const kind = (await page.fileDirectory.loadValue('NewSubfileType')) ?? 0;
    if (i === 0 || (isFullSize && !(kind & reducedImage))) pages.push(page);
  }
  const first = pages[0];
  if (!first) throw new Error('it holds no image');
  const [width, height] = [first.getWidth(), first.getHeight()];
  if (!(width > 0 && height > 0)) throw new Error('its image has no pixels');
  if (width * height > maxPixels) throw new Error(`its ${width} x ${height} pixels are more than ${maxPixels}`);

  const description = describeTiff((await first.fileDirectory.loadValue('ImageDescription')) ?? '');
  const isColour = first.getSamplesPerPixel() >= 3 && (await photometric(first)) === rgb;
  const data = new Float32Array(width * height).fill(-Infinity);
  for (const page of focalPlanes(pages, description.axes, isColour, channel)) {
    const samples = await readPage(page, size, isColour, channel);
    for (let i = 0; i < data.length; i++) if (samples[i]! > data[i]!) data[i] = samples[i]!;
  }
  return { plane: { width, height, data }, pixelSize: description.pixelSize };
}

/** The pages of the chosen channel's focal planes at the first time point. */
function focalPlanes(
  pages: GeoTIFFImage[],
  axes: Axes | null,
  isColour: boolean,
  channel: ChannelChoice,
): GeoTIFFImage[] {
  const inSamples = isColour || pages[0]!.getSamplesPerPixel() > 1;
  const wanted = typeof channel === 'number' && !inSamples ? channel - 1 : 0;
  // Without a word about the axes, pages are focal planes.
  const known =
    axes && axes.z * axes.c * axes.t === pages.length ? axes : { order: 'ZCT', z: pages.length, c: 1, t: 1 };
  if (wanted >= known.c) throw new Error(`it has ${known.c} channels; channel ${wanted + 1} was asked for`);
  return Array.from({ length: known.z }, (_, z) => {
    const place: Record<string, number> = { Z: z, C: wanted, T: 0 };
    const length: Record<string, number> = { Z: known.z, C: known.c, T: known.t };
    let index = 0;
    for (const axis of known.order.split('').reverse()) index = index * length[axis]! + place[axis]!;
    return pages[index]!;
  });
}

async function readPage(
  page: GeoTIFFImage,
  fileBytes: number,
  isColour: boolean,
  channel: ChannelChoice,
): Promise<Float32Array> {
  await checkWhole(page, fileBytes);
  const bands = page.getSamplesPerPixel();
  if (isColour && (channel === 'auto' || channel === 'luminance')) {
    const [red, green, blue] = (await readBands(page, [0, 1, 2])) as [Float32Array, Float32Array, Float32Array];
    const brightest = Math.max(maxOf(red), maxOf(green), maxOf(blue));
    if (channel === 'auto' && maxOf(blue) >= leastBlue * brightest) return blue;
    return red.map((r, i) => 0.2126 * r + 0.7152 * green[i]! + 0.0722 * blue[i]!);
  }
  const named = ['red', 'green', 'blue'].indexOf(String(channel));
  if (named >= 0 && !isColour) throw new Error(`it has no colours, so no ${channel} channel`);
  const band = named >= 0 ? named : typeof channel === 'number' && bands > 1 ? channel - 1 : 0;
  if (band >= bands) throw new Error(`it has ${bands} channels; channel ${band + 1} was asked for`);
  const [samples] = await readBands(page, [band]);
  if ((await photometric(page)) !== whiteIsZero) return samples!;
  const top = 2 ** page.getBitsPerSample() - 1;
  return samples!.map((v) => top - v);
}

async function readBands(page: GeoTIFFImage, bands: number[]): Promise<Float32Array[]> {
  const rasters = await page.readRasters({ samples: bands, interleave: false });
  return [...rasters].map((raster) =>
    Float32Array.from(raster as ArrayLike<number>).map((v) => (Number.isFinite(v) ? v : 0)),
  );
}

function maxOf(values: Float32Array): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

/** Missing data decodes to zeros or to half an image with some compressions, so the tables are checked first. */
async function checkWhole(page: GeoTIFFImage, fileBytes: number): Promise<void> {
  const [offsets, counts] = page.isTiled
    ? (['TileOffsets', 'TileByteCounts'] as const)
    : (['StripOffsets', 'StripByteCounts'] as const);
  const at = (await page.fileDirectory.loadValue(offsets)) as ArrayLike<number> | undefined;
  const length = (await page.fileDirectory.loadValue(counts)) as ArrayLike<number> | undefined;
  if (!at || !length || at.length !== length.length) throw new Error('it does not say where its pixels are');
  for (let i = 0; i < at.length; i++)
    if (Number(at[i]) + Number(length[i]) > fileBytes)
      throw new Error('it is cut off: its pixels go on beyond its end');
}

async function photometric(page: GeoTIFFImage): Promise<number> {
  return (await page.fileDirectory.loadValue('PhotometricInterpretation')) ?? 1;
}
