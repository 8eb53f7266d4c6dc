import type { Plane as PixelPlane } from '../previews/plane.ts';
import { packMask, type NewMask, type Polygon } from '../omero/queries/rois.ts';
import { outlines } from './outline.ts';

export type LabelShape = 'polygon' | 'mask';

/** The places of one label's pixels in its image. */
export interface LabelArea {
  readonly label: number;
  readonly shapes: (Polygon | NewMask)[];
}

/** Why an image is no label image, in words for its reader. */
export class NoLabels extends Error {}

/** More different values than this are an image that was taken, and more than anybody looks at one by one. */
const mostLabels = 20_000;

/**
 * The area of each label, by label: pixels of one value, 0 being the background. A label of several pieces has several
 * polygons, or one mask.
 *
 * @throws NoLabels with the reason
 */
export function labelAreas(plane: PixelPlane, shape: LabelShape): LabelArea[] {
  const { width, height, pixels } = plane;
  if (plane.samples !== 1) throw new NoLabels('it is an image in colour');
  if (plane.typeMax === null) throw new NoLabels('its values are floating point');
  if (plane.planes > 1) throw new NoLabels('it has several planes');
  if (pixels.length !== width * height) throw new NoLabels('its pixels are stored in a way that is not known');
  const everywhere = { z: null, t: null, c: null };
  return [...boxesOf(pixels, width)]
    .sort(([a], [b]) => a - b)
    .map(([label, { left, top, right, bottom }]) => {
      const [columns, rows] = [right - left + 1, bottom - top + 1];
      const isInside = (x: number, y: number): boolean => pixels[(top + y) * width + left + x] === label;
      const name = String(label);
      if (shape === 'polygon') {
        const shapes = outlines(columns, rows, isInside).map((points): Polygon => ({
          kind: 'polygon',
          ...everywhere,
          label: name,
          points: points.map(([x, y]) => [left + x, top + y] as const),
        }));
        return { label, shapes };
      }
      const bits = packMask(columns, rows, isInside);
      const place = { x: left, y: top, width: columns, height: rows };
      return { label, shapes: [{ kind: 'mask', ...everywhere, label: name, ...place, bits }] };
    });
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function boxesOf(pixels: ArrayLike<number>, width: number): Map<number, Box> {
  const boxes = new Map<number, Box>();
  for (let at = 0; at < pixels.length; at++) {
    const label = pixels[at] ?? 0;
    if (label === 0) continue;
    if (label < 0) throw new NoLabels('it has values below 0');
    const [x, y] = [at % width, Math.floor(at / width)];
    const box = boxes.get(label);
    if (box) {
      if (x < box.left) box.left = x;
      if (x > box.right) box.right = x;
      box.bottom = y;
    } else if (boxes.size === mostLabels) throw new NoLabels(`it has more than ${mostLabels} labels`);
    else boxes.set(label, { left: x, top: y, right: x, bottom: y });
  }
  return boxes;
}
