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
  const pixels = indexed
    ? convertIndexedToRgb(png)
    : png.depth < 8
      ? unpack(png.data, width, height, png.depth)
      : png.data;
  const channels = indexed ? (png.palette?.[0]?.length ?? 3) : png.channels;
  const base = { width, height, fullWidth: width, fullHeight: height, planes: 1 };
  const typeMax = png.depth === 16 ? 65_535 : indexed ? 255 : 2 ** png.depth - 1;
  if (channels === 3 || channels === 4) return { ...base, samples: channels, pixels, typeMax };
  // Grey with transparency: the grey alone.
  const grey = channels === 2 ? pixels.filter((_, i) => i % 2 === 0) : pixels;
  return { ...base, samples: 1, pixels: grey, typeMax };
}

/** Several grey values share a byte, the first in its highest bits; each row begins a byte of its own. */
function unpack(data: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const perByte = 8 / depth;
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const x = i % width;
    const byte = data[Math.floor(i / width) * rowBytes + Math.floor(x / perByte)] ?? 0;
    return (byte >> (8 - depth * ((x % perByte) + 1))) & (2 ** depth - 1);
  });
}
