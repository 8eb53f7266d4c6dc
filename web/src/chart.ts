/** Numbers of charts; drawing is in `measurements.tsx`. */

export interface Bin {
  from: number;
  to: number;
  count: number;
}

/** Bins of equal width between the smallest and the largest value; 1 to 40 of them, by the square root of the number. */
export function histogram(values: readonly number[]): Bin[] {
  if (!values.length) return [];
  let [min, max] = [Infinity, -Infinity];
  for (const v of values) {
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  if (min === max) return [{ from: min, to: max, count: values.length }];
  const n = Math.max(1, Math.min(40, Math.ceil(Math.sqrt(values.length))));
  const width = (max - min) / n;
  const bins = Array.from({ length: n }, (_, i) => ({ from: min + i * width, to: min + (i + 1) * width, count: 0 }));
  for (const v of values) {
    const bin = bins[Math.min(n - 1, Math.floor((v - min) / width))];
    if (bin) bin.count++;
  }
  return bins;
}

/** The middle value; of an even number the mean of the two. */
export function median(values: readonly number[]): number | null {
  if (!values.length) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Four significant digits, without an exponent where the number can do without. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(3);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Number(value.toPrecision(4)).toLocaleString('en', { maximumFractionDigits: 8 });
}
