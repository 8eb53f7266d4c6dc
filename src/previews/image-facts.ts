import type { Plane } from './plane.ts';

/** What the plane that was read says of an image, beside its picture. */
export interface ImageFacts {
  /** `uint8` to `float64`. */
  type: string;
  /** Smallest and largest value; null in colour, and where no pixel has a value. */
  min: number | null;
  max: number | null;
  /** Labels in it; null of other images, and where only a reduced level was read, which may have lost some. */
  labels: number | null;
}

/** @param isLabels each value is an object of its own, 0 is none */
export function factsOf(plane: Plane, isLabels: boolean): ImageFacts {
  const type = typeOf(plane.pixels);
  if (plane.samples !== 1) return { type, min: null, max: null, labels: null };
  let [min, max] = [Infinity, -Infinity];
  const whole = plane.width === plane.fullWidth && plane.height === plane.fullHeight;
  const seen = isLabels && whole ? new Set<number>() : null;
  let last = 0;
  for (let i = 0; i < plane.pixels.length; i++) {
    const value = plane.pixels[i] ?? 0;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    // Neighbours are mostly alike: a set is asked seldom.
    if (seen && value !== last) seen.add((last = value));
  }
  seen?.delete(0);
  return max < min
    ? { type, min: null, max: null, labels: seen?.size ?? null }
    : { type, min, max, labels: seen?.size ?? null };
}

/** `Uint16Array` is `uint16`. */
function typeOf(pixels: ArrayLike<number>): string {
  const name = pixels.constructor.name;
  return name.endsWith('Array') ? name.replace(/(?:Clamped)?Array$/, '').toLowerCase() : 'unknown';
}
