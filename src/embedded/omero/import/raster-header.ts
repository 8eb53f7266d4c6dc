import type { FileHandle } from 'node:fs/promises';
import { UnreadableImage, type TiffPage } from './tiff-pages.ts';

export interface RasterSize {
  readonly bits: number;
  readonly size: Readonly<Record<'X' | 'Y' | 'Z' | 'C' | 'T', number>>;
}

const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex');
/** Channels by PNG's colour type; a palette is shown in colour. */
const pngChannels: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

/** Size of a PNG file whose parts follow each other to its end; pixels are not decoded. */
export async function readPngSize(file: FileHandle, bytes: number): Promise<RasterSize> {
  const head = await read(file, 0, 33, bytes);
  const channels = pngChannels[head[25] ?? -1];
  const [X, Y] = [head.readUInt32BE(16), head.readUInt32BE(20)];
  if (!head.subarray(0, 8).equals(pngSignature) || head.toString('latin1', 12, 16) !== 'IHDR' || !channels || !X || !Y)
    throw new UnreadableImage('its PNG header is damaged');
  for (let at = 8, hasPixels = false; ;) {
    const chunk = await read(file, at, 8, bytes);
    const kind = chunk.toString('latin1', 4, 8);
    at += 12 + chunk.readUInt32BE(0);
    if (at > bytes) throw new UnreadableImage('it is truncated');
    hasPixels ||= kind === 'IDAT';
    if (kind !== 'IEND') continue;
    if (!hasPixels) throw new UnreadableImage('it has no pixels');
    return sized(X, Y, channels, head[24] ?? 8);
  }
}

/** Size of a JPEG file from its frame header; it must end as a JPEG file does. Pixels are not decoded. */
export async function readJpegSize(file: FileHandle, bytes: number): Promise<RasterSize> {
  for (let at = 2; ;) {
    const marker = await read(file, at, 4, bytes);
    const kind = marker[1] ?? 0;
    if (marker[0] !== 0xff) throw new UnreadableImage('its JPEG header is damaged');
    if (kind === 0xff) {
      at++;
      continue;
    }
    const isFrame = kind >= 0xc0 && kind <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(kind);
    if (!isFrame) {
      if (kind === 0xda || kind === 0xd9) throw new UnreadableImage('its JPEG header is damaged');
      at += 2 + marker.readUInt16BE(2);
      continue;
    }
    const frame = await read(file, at + 4, 6, bytes);
    const end = await read(file, bytes - 2, 2, bytes);
    if (end.readUInt16BE(0) !== 0xffd9) throw new UnreadableImage('it is truncated');
    return sized(frame.readUInt16BE(3), frame.readUInt16BE(1), frame[5] ?? 1, frame[0] ?? 8);
  }
}

function sized(X: number, Y: number, C: number, bits: TiffPage['bits']): RasterSize {
  if (X < 1 || Y < 1 || C < 1) throw new UnreadableImage('it has no size');
  return { bits, size: { X, Y, Z: 1, C, T: 1 } };
}

async function read(file: FileHandle, at: number, length: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = at < 0 || at + length > size ? { bytesRead: 0 } : await file.read(buffer, 0, length, at);
  if (bytesRead < length) throw new UnreadableImage('it is truncated');
  return buffer;
}
