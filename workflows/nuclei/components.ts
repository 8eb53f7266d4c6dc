import type { Labels, Mask } from './plane.ts';

/**
 * Numbers the connected areas of a mask from 1 in the order in which a reader of the rows meets them.
 *
 * @param diagonal whether pixels that share only a corner are connected
 */
export function labelComponents(mask: Mask, diagonal: boolean): Labels {
  const { width, height } = mask;
  const data = new Int32Array(width * height);
  const stack: number[] = [];
  let count = 0;
  for (let start = 0; start < data.length; start++) {
    if (!mask.data[start] || data[start]) continue;
    data[start] = ++count;
    stack.push(start);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const x = at % width;
      const y = (at - x) / width;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          if (!diagonal && nx !== x && ny !== y) continue;
          const next = ny * width + nx;
          if (!mask.data[next] || data[next]) continue;
          data[next] = count;
          stack.push(next);
        }
      }
    }
  }
  return { width, height, data, count };
}

/** Pixels of every label; index 0 is the background. */
export function areasOf(labels: Labels): Uint32Array {
  const areas = new Uint32Array(labels.count + 1);
  for (const label of labels.data) areas[label]!++;
  return areas;
}

/** Fills holes of up to `maxArea` pixels: larger ones are background that objects happen to enclose. */
export function fillHoles(mask: Mask, maxArea: number): Mask {
  const { width, height } = mask;
  const outside = labelComponents({ width, height, data: mask.data.map((v) => (v ? 0 : 1)) }, false);
  const areas = areasOf(outside);
  const atBorder = new Uint8Array(outside.count + 1);
  for (let x = 0; x < width; x++) {
    atBorder[outside.data[x]!] = 1;
    atBorder[outside.data[(height - 1) * width + x]!] = 1;
  }
  for (let y = 0; y < height; y++) {
    atBorder[outside.data[y * width]!] = 1;
    atBorder[outside.data[y * width + width - 1]!] = 1;
  }
  const data = mask.data.slice();
  outside.data.forEach((hole, i) => {
    if (hole && !atBorder[hole] && areas[hole]! <= maxArea) data[i] = 1;
  });
  return { width, height, data };
}

/** Drops labels of fewer than `minArea` pixels and numbers the rest from 1 in reading order. */
export function keepLarge(labels: Labels, minArea: number): Labels {
  const areas = areasOf(labels);
  const names = new Int32Array(labels.count + 1);
  const data = new Int32Array(labels.data.length);
  let count = 0;
  labels.data.forEach((label, i) => {
    if (!label || areas[label]! < minArea) return;
    data[i] = names[label] ||= ++count;
  });
  return { width: labels.width, height: labels.height, data, count };
}
