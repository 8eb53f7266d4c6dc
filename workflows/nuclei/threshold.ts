const bins = 1024;

/** Otsu's threshold: the value that parts the data into two classes that differ most; null when all values are equal. */
export function otsu(values: Float32Array): number | null {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(high > low)) return null;
  const counts = new Float64Array(bins);
  const scale = bins / (high - low);
  for (const v of values) counts[Math.min(bins - 1, Math.floor((v - low) * scale))]!++;

  let sum = 0;
  counts.forEach((n, i) => (sum += n * i));
  let below = 0;
  let sumBelow = 0;
  let best = -1;
  let first = 0;
  let last = 0;
  for (let i = 0; i < bins - 1; i++) {
    below += counts[i]!;
    sumBelow += counts[i]! * i;
    const above = values.length - below;
    if (!below || !above) continue;
    const between = below * above * (sumBelow / below - (sum - sumBelow) / above) ** 2;
    if (between > best * (1 + 1e-9)) {
      best = between;
      first = i;
    }
    if (between >= best * (1 - 1e-9)) last = i;
  }
  // An empty valley between the classes is cut in its middle.
  return low + ((first + last) / 2 + 1) / scale;
}

/** The value below which `share` of the values lie, from at most some 20,000 of them: enough for a few per mille. */
export function quantile(values: Float32Array, share: number): number {
  if (values.length === 0) return 0;
  const step = Math.ceil(values.length / 20_000);
  const sorted = new Float32Array(Math.ceil(values.length / step));
  for (let i = 0; i < sorted.length; i++) sorted[i] = values[i * step]!;
  sorted.sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/**
 * Deviation of the noise from pixel to pixel. Second differences along rows leave out whatever is smooth; their median
 * leaves out edges.
 */
export function noiseOf(data: Float32Array, width: number): number {
  const step = Math.max(1, Math.floor(data.length / 100_000));
  const differences: number[] = [];
  for (let i = 1; i < data.length - 1; i += step) {
    const x = i % width;
    if (x === 0 || x === width - 1) continue;
    differences.push(Math.abs(data[i - 1]! - 2 * data[i]! + data[i + 1]!));
  }
  return quantile(Float32Array.from(differences), 0.5) / (0.6745 * Math.sqrt(6));
}
