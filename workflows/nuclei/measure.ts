import type { Labels, Plane } from './plane.ts';

/** Lengths in pixels; the middle of the first pixel is at 0. */
export interface Measurement {
  label: number;
  centroidX: number;
  centroidY: number;
  area: number;
  /** Of the image as it was read, not as it was smoothed. */
  meanIntensity: number;
  /** Of the ellipse with the same second moments: 0 for a circle, near 1 for a line. */
  eccentricity: number;
}

/** Measures every label of a plane, in the order of the labels. */
export function measure(plane: Plane, labels: Labels): Measurement[] {
  const sums = Array.from({ length: labels.count + 1 }, () => ({ n: 0, x: 0, y: 0, xx: 0, yy: 0, xy: 0, light: 0 }));
  for (let y = 0, i = 0; y < labels.height; y++) {
    for (let x = 0; x < labels.width; x++, i++) {
      const label = labels.data[i]!;
      if (!label) continue;
      const s = sums[label]!;
      s.n++;
      s.x += x;
      s.y += y;
      s.xx += x * x;
      s.yy += y * y;
      s.xy += x * y;
      s.light += plane.data[i]!;
    }
  }
  return sums.slice(1).map((s, i) => {
    const [x, y] = [s.x / s.n, s.y / s.n];
    // A pixel is a square, not a point: its own second moment is 1/12.
    const [xx, yy, xy] = [s.xx / s.n - x * x + 1 / 12, s.yy / s.n - y * y + 1 / 12, s.xy / s.n - x * y];
    const middle = (xx + yy) / 2;
    const apart = Math.sqrt(((xx - yy) / 2) ** 2 + xy * xy);
    return {
      label: i + 1,
      centroidX: x,
      centroidY: y,
      area: s.n,
      meanIntensity: s.light / s.n,
      eccentricity: Math.sqrt(Math.max(0, 1 - (middle - apart) / (middle + apart))),
    };
  });
}
