import type { Plane } from './plane.ts';

/** A drawn image, red green blue alpha. */
export interface Drawing {
  width: number;
  height: number;
  rgba: Uint8Array;
  /** Values that are drawn black and white; null where each value has a colour of its own, or is one. */
  black: number | null;
  white: number | null;
}

/**
 * Draws a plane no larger than `size` on its longer side. Grey images are stretched between their 0.5th and 99.5th
 * percentile; in label images each value has a colour of its own and the background is transparent, so that they can lie
 * over the image that they belong to.
 */
export function draw(plane: Plane, size: number, labels: boolean): Drawing {
  const scale = Math.min(1, size / Math.max(plane.width, plane.height));
  const width = Math.max(1, Math.round(plane.width * scale));
  const height = Math.max(1, Math.round(plane.height * scale));
  const rgba = new Uint8Array(width * height * 4);
  const asLabels = labels && plane.samples === 1 && plane.typeMax !== null;
  const [low, high] = asLabels ? [0, 1] : rangeOf(plane);
  const values = new Float64Array(plane.samples);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4;
      if (asLabels) {
        // The middle of the source pixels: a mean of labels would be another label.
        const sx = Math.min(plane.width - 1, Math.floor((x + 0.5) / scale));
        const sy = Math.min(plane.height - 1, Math.floor((y + 0.5) / scale));
        labelColour(plane.pixels[sy * plane.width + sx] ?? 0, rgba, at);
        continue;
      }
      mean(plane, x / scale, y / scale, (x + 1) / scale, (y + 1) / scale, values);
      for (let s = 0; s < 3; s++) {
        const value = values[plane.samples === 1 ? 0 : s] ?? 0;
        rgba[at + s] = Math.max(0, Math.min(255, Math.round(((value - low) / (high - low)) * 255)));
      }
      rgba[at + 3] = plane.samples === 4 ? Math.round(((values[3] ?? 0) / (plane.typeMax ?? 1)) * 255) : 255;
    }
  const grey = !asLabels && plane.samples === 1;
  return { width, height, rgba, black: grey ? low : null, white: grey ? high : null };
}

/** Mean of the source pixels below one drawn pixel; NaN counts as nothing. */
function mean(plane: Plane, x0: number, y0: number, x1: number, y1: number, out: Float64Array): void {
  const [left, top] = [Math.floor(x0), Math.floor(y0)];
  const right = Math.min(plane.width, Math.max(left + 1, Math.floor(x1)));
  const bottom = Math.min(plane.height, Math.max(top + 1, Math.floor(y1)));
  out.fill(0);
  let count = 0;
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const at = (y * plane.width + x) * plane.samples;
      for (let s = 0; s < plane.samples; s++) {
        const value = plane.pixels[at + s] ?? 0;
        out[s] = (out[s] ?? 0) + (Number.isFinite(value) ? value : 0);
      }
      count++;
    }
  for (let s = 0; s < plane.samples; s++) out[s] = (out[s] ?? 0) / Math.max(1, count);
}

const sampled = 100_000;

/** Values that become black and white. */
function rangeOf(plane: Plane): [number, number] {
  if (plane.samples > 1 && plane.typeMax === 255) return [0, 255];
  const step = Math.max(1, Math.floor(plane.pixels.length / sampled));
  const values: number[] = [];
  for (let i = 0; i < plane.pixels.length; i += step) {
    const value = plane.pixels[i] ?? 0;
    if (Number.isFinite(value)) values.push(value);
  }
  values.sort((a, b) => a - b);
  const low = values[Math.floor(values.length * 0.005)] ?? 0;
  const high = values[Math.min(values.length - 1, Math.floor(values.length * 0.995))] ?? 1;
  return high > low ? [low, high] : [low - 0.5, low + 0.5];
}

/** Neighbouring values get colours far from each other: the golden angle around the colour wheel. */
function labelColour(value: number, rgba: Uint8Array, at: number): void {
  if (value === 0 || !Number.isFinite(value)) return;
  const hue = (Math.abs(value) * 0.618033988749895) % 1;
  const light = 0.5 + 0.18 * ((Math.abs(value) * 0.754877666) % 1);
  for (const [s, shift] of [0, 8, 4].entries()) {
    const k = (shift + hue * 12) % 12;
    const amount = light - 0.85 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    rgba[at + s] = Math.round(amount * 255);
  }
  rgba[at + 3] = 255;
}
