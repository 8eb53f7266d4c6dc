import { encode } from 'fast-png';
import { openBelow } from '../archive/open-below.ts';
import { draw, type Drawing } from './draw.ts';
import { factsOf, type ImageFacts } from './image-facts.ts';
import { NoPreview, type Plane } from './plane.ts';
import { readPng } from './read-png.ts';
import { readTiff } from './read-tiff.ts';
import { readZarr } from './read-zarr.ts';

export interface PreviewRequest {
  /** The archive's folder. */
  root: string;
  /** The image, relative to it: a file, or a `.zarr` folder. */
  path: string;
  /** Longest side of the preview in pixels. */
  size: number;
}

export interface Preview extends PreviewFacts {
  png: Uint8Array;
}

/** What goes with a picture, as the header `X-Image` has it. */
export interface PreviewFacts {
  width: number;
  height: number;
  fullWidth: number;
  fullHeight: number;
  planes: number;
  /** True when each value was drawn in a colour of its own. */
  labels: boolean;
  values: ImageFacts & Pick<Drawing, 'black' | 'white'>;
}

/**
 * Reads and draws one image. Runs in a process of its own, see `preview-maker.ts`.
 *
 * @throws NoPreview with the reason, and whatever a broken file makes a decoder throw
 */
export async function makePreview({ root, path, size }: PreviewRequest): Promise<Preview> {
  const plane = await readPlane(root, path, size);
  const labels = isLabelName(path) && plane.samples === 1 && plane.typeMax !== null;
  const { width, height, rgba, black, white } = draw(plane, size, labels);
  const values = { ...factsOf(plane, labels), black, white };
  const png = encode({ width, height, data: rgba, depth: 8, channels: 4 });
  const { fullWidth, fullHeight, planes } = plane;
  return { png, width, height, fullWidth, fullHeight, planes, labels, values };
}

/** @throws NoPreview, and whatever a broken file makes a decoder throw */
export async function readPlane(root: string, path: string, size: number): Promise<Plane> {
  const lower = path.toLowerCase();
  if (lower.endsWith('.zarr')) return readZarr(`${root}/${path}`, size);
  const read = /\.tiff?$/.test(lower) ? readTiff : lower.endsWith('.png') ? readPng : null;
  if (!read) throw new NoPreview('previews are made of TIFF, PNG and OME-Zarr');
  const file = await openBelow(root, path);
  try {
    // The file that was opened, whatever its name means by now.
    return await read(`/dev/fd/${file.fd}`, size);
  } finally {
    await file.close();
  }
}

/** Workflows name what they found so; nothing in the file tells labels from a dark image for sure. */
export function isLabelName(path: string): boolean {
  return (
    /(?:label|mask|segment|instance)/i.test(path.slice(path.lastIndexOf('/') + 1)) || /\.zarr\/labels\//i.test(path)
  );
}
