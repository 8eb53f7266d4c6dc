import { gaussianBlur } from '../../src/lib/gaussian-blur.ts';
import { fitBackground } from './background.ts';
import { areasOf, fillHoles, keepLarge } from './components.ts';
import { distanceInside } from './distance.ts';
import type { Labels, Mask, Plane } from './plane.ts';
import { splitTouching } from './split.ts';
import { noiseOf, otsu, quantile } from './threshold.ts';

export interface SegmentOptions {
  /** Usual diameter of a nucleus in pixels; 0: taken from the image. */
  diameter: number;
  /** Smallest area of a nucleus in pixels; 0: a fraction of the usual one. */
  minArea: number;
  /** Fixed brightness from which a smoothed pixel belongs to a nucleus, or Otsu's. */
  threshold: 'otsu' | number;
}

/** Nuclei differ in size, but nothing smaller than this share of the usual area is one. */
const smallestShare = 0.15;
/** Foreground must stand out from the background by this many deviations of the noise that smoothing leaves. */
const contrast = 6;
/** The threshold's scale is linear up to at least this share of the brightest. */
const linearShare = 0.02;
const neck = { minDepth: 1, relativeDepth: 0.12 };
/** The rim of a blurred object lies where it has half of its brightness. */
const rimShare = 0.5;

/**
 * Finds bright nuclei on a dark background and numbers them: smooth, subtract the background, Otsu, then each object
 * again at half of its own brightness, fill holes, split what touches, drop what is too small.
 */
export function segment(plane: Plane, options: SegmentOptions): Labels {
  const { width, height } = plane;
  const sigma = options.diameter ? Math.max(0.7, Math.min(4, options.diameter / 20)) : 1.5;
  const smooth: Plane = { width, height, data: gaussianBlur(plane.data, width, height, sigma) };
  const noise = noiseOf(plane.data, width) / (2 * Math.sqrt(Math.PI) * sigma);
  if (typeof options.threshold === 'number') {
    const fixed = options.threshold;
    return split({ width, height, data: above(smooth.data, () => fixed) }, options);
  }
  const flat = flatten(smooth, noise);
  const threshold = usefulThreshold(flat, noise);
  if (threshold === null) return { width, height, data: new Int32Array(width * height), count: 0 };
  const first = split({ width, height, data: above(flat, () => threshold) }, options);
  const rims = rimLevels(flat, first, threshold);
  return split({ width, height, data: above(flat, (i) => rims[first.data[i]!]!) }, options);
}

/** Subtracts the background, found in three rounds because the first threshold still sees it uneven. */
function flatten(smooth: Plane, noise: number): Float32Array {
  let flat = smooth.data;
  for (let round = 0; round < 3; round++) {
    const threshold = stretchedOtsu(flat, noise);
    if (threshold === null) break;
    const current = flat;
    const surface = fitBackground(smooth, (i) => current[i]! < threshold);
    flat = smooth.data.map((v, i) => v - surface[i]!);
  }
  return flat;
}

/**
 * Otsu on a scale that is linear near the darkest pixels and logarithmic above, because nuclei differ by factors: on a
 * plain scale bright ones would draw the threshold above dim ones.
 */
function stretchedOtsu(data: Float32Array, noise: number): number | null {
  const floor = quantile(data, 0.005);
  const top = quantile(data, 0.999);
  const unit = Math.max(contrast * noise, linearShare * (top - floor));
  if (!(unit > 0)) return null;
  const threshold = otsu(data.map((v) => Math.asinh((v - floor) / unit)));
  return threshold === null ? null : floor + unit * Math.sinh(threshold);
}

/** Otsu parts any image, also an empty one: null when what it takes for nuclei does not stand out from the noise. */
function usefulThreshold(flat: Float32Array, noise: number): number | null {
  const threshold = stretchedOtsu(flat, noise);
  if (threshold === null) return null;
  let inside = 0;
  let sumInside = 0;
  let sumOutside = 0;
  for (const v of flat) {
    if (v >= threshold) {
      inside++;
      sumInside += v;
    } else sumOutside += v;
  }
  const outside = flat.length - inside;
  if (!inside || !outside) return null;
  return sumInside / inside - sumOutside / outside > contrast * noise ? threshold : null;
}

/** For each object the brightness of its rim; the background's is out of reach. */
function rimLevels(flat: Float32Array, labels: Labels, threshold: number): Float32Array {
  const areas = areasOf(labels);
  const values = Array.from(areas, (n, label) => new Float32Array(label ? n : 0));
  const filled = new Uint32Array(areas.length);
  labels.data.forEach((label, i) => {
    if (label) values[label]![filled[label]!++] = flat[i]!;
  });
  return Float32Array.from(values, (v, label) =>
    label === 0 ? Infinity : Math.max(threshold, rimShare * quantile(v, 0.75)),
  );
}

function split(mask: Mask, options: SegmentOptions): Labels {
  const usualArea = options.diameter ? (Math.PI / 4) * options.diameter ** 2 : usualAreaOf(mask);
  const minArea = options.minArea || Math.max(4, smallestShare * usualArea);
  const solid = fillHoles(mask, usualArea);
  return keepLarge(splitTouching(solid, distanceInside(solid), neck), minArea);
}

/**
 * The area that half of all foreground lies in objects smaller than: specks, however many, hardly move it. A hole much
 * wider than anything around it is thick is background between nuclei.
 */
function usualAreaOf(mask: Mask): number {
  const thickest = distanceInside(mask).reduce((a, b) => Math.max(a, b), 0);
  const filled = fillHoles(mask, Math.PI * (2 * thickest) ** 2);
  const areas = areasOf(splitTouching(filled, distanceInside(filled), neck))
    .slice(1)
    .sort();
  let half = areas.reduce((a, b) => a + b, 0) / 2;
  for (const area of areas) if ((half -= area) <= 0) return area;
  return 0;
}

function above(data: Float32Array, level: (index: number) => number): Uint8Array {
  const inside = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) if (data[i]! >= level(i)) inside[i] = 1;
  return inside;
}
