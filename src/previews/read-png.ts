import { readFile } from 'node:fs/promises';
import { convertIndexedToRgb, decode, hasPngSignature } from 'fast-png';
import { checkSize, NoPreview, type Plane } from './plane.ts';

export async function readPng(path: string): Promise<Plane> {
  const bytes = await readFile(path);
  if (!hasPngSignature(bytes) || bytes.length < 24) throw new NoPreview('it is no PNG file');
  // Width and height stand first, before anything is unpacked.
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  checkSize(width, height);
  const png = decode(bytes);
  const indexed = png.palette !== undefined;
  const pixels = indexed ? convertIndexedToRgb(png) : png.data;
  const channels = indexed ? (png.palette?.[0]?.length ?? 3) : png.channels;
  const base = { width, height, fullWidth: width, fullHeight: height, planes: 1 };
  const typeMax = png.depth === 16 ? 65_535 : indexed ? 255 : 2 ** png.depth - 1;
  if (channels === 3 || channels === 4) return { ...base, samples: channels, pixels, typeMax };
  // Grey with transparency: the grey alone.
  const grey = channels === 2 ? pixels.filter((_, i) => i % 2 === 0) : pixels;
  return { ...base, samples: 1, pixels: grey, typeMax };
}
