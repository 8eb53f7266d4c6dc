/**
 * Blurs a plane with a Gaussian of `sigma` pixels; the plane goes on beyond its border as its outermost pixels.
 * Returns a new array.
 */
export function gaussianBlur(data: Float32Array, width: number, height: number, sigma: number): Float32Array {
  if (sigma <= 0) return data.slice();
  const radius = Math.ceil(3 * sigma);
  const kernel = new Float64Array(2 * radius + 1);
  let sum = 0;
  for (let i = -radius; i <= radius; i++) sum += kernel[i + radius] = Math.exp((-i * i) / (2 * sigma * sigma));
  for (let i = 0; i < kernel.length; i++) kernel[i]! /= sum;
  const rows = blurLines(data, kernel, width, height, 1, width);
  return blurLines(rows, kernel, height, width, width, 1);
}

/** Blurs `lines` lines of `length` values that lie `step` apart and start `stride` apart. */
function blurLines(
  data: Float32Array,
  kernel: Float64Array,
  length: number,
  lines: number,
  step: number,
  stride: number,
): Float32Array {
  const out = new Float32Array(data.length);
  const radius = (kernel.length - 1) / 2;
  const padded = new Float64Array(length + 2 * radius);
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    for (let i = 0; i < padded.length; i++) {
      const at = Math.max(0, Math.min(length - 1, i - radius));
      padded[i] = data[start + at * step]!;
    }
    for (let i = 0; i < length; i++) {
      let value = 0;
      for (let k = 0; k < kernel.length; k++) value += padded[i + k]! * kernel[k]!;
      out[start + i * step] = value;
    }
  }
  return out;
}
