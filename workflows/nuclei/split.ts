import type { Labels, Mask } from './plane.ts';

export interface SplitOptions {
  /** Smallest depth of a neck that separates, in pixels. */
  minDepth: number;
  /** The same as a share of the smaller part's thickness. */
  relativeDepth: number;
}

/** Levels per pixel of distance: fine enough that rounding is far below any neck. */
const perPixel = 16;

/**
 * Splits touching objects where they are narrow: a watershed of the distance to the rim, flooded from the thickest
 * places down. Two basins that meet stay two when the neck between them is clearly thinner than the thinner of both;
 * otherwise they are bumps of one object. (The same as flooding from h-maxima, but h may depend on the object.)
 */
export function splitTouching(mask: Mask, distance: Float32Array, options: SplitOptions): Labels {
  const { width, height } = mask;
  const basins = new Basins(options);
  const level = new Uint32Array(distance.length);
  for (let i = 0; i < level.length; i++) level[i] = Math.round(distance[i]! * perPixel);
  const data = new Int32Array(width * height);
  for (const at of thickestFirst(mask, level)) {
    const x = at % width;
    const y = (at - x) / width;
    let best = 0;
    let bestLevel = 0;
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const next = ny * width + nx;
        if (!data[next]) continue;
        if (best) basins.meet(best, data[next], level[at]!);
        if (level[next]! > bestLevel || !best) {
          best = data[next];
          bestLevel = level[next]!;
        }
      }
    }
    data[at] = best || basins.start(level[at]!);
  }
  const names = new Int32Array(basins.count + 1);
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i]) data[i] = names[basins.root(data[i]!)] ||= ++count;
  return { width, height, data, count };
}

/** Union-find over basins, each with the level of its highest place. */
class Basins {
  readonly #options: SplitOptions;
  readonly #parent: number[] = [0];
  readonly #peak: number[] = [0];

  constructor(options: SplitOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#parent.length - 1;
  }

  start(level: number): number {
    this.#peak.push(level);
    return this.#parent.push(this.#parent.length) - 1;
  }

  root(basin: number): number {
    let at = basin;
    while (this.#parent[at] !== at) at = this.#parent[at] = this.#parent[this.#parent[at]!]!;
    return at;
  }

  /** Two basins touch at this level: joins them unless that is a neck. */
  meet(one: number, other: number, level: number): void {
    const a = this.root(one);
    const b = this.root(other);
    if (a === b) return;
    const [high, low] = this.#peak[a]! >= this.#peak[b]! ? [a, b] : [b, a];
    const peak = this.#peak[low]!;
    const needed = Math.max(this.#options.minDepth * perPixel, this.#options.relativeDepth * peak);
    if (peak - level < needed) this.#parent[low] = high;
  }
}

/** Pixels of the mask by falling level, by position within a level: a counting sort, so its time grows with the pixels. */
function thickestFirst(mask: Mask, level: Uint32Array): Uint32Array {
  let top = 0;
  let inside = 0;
  level.forEach((l, i) => {
    if (!mask.data[i]) return;
    inside++;
    top = Math.max(top, l);
  });
  const starts = new Uint32Array(top + 2);
  level.forEach((l, i) => {
    if (mask.data[i]) starts[top - l + 1]!++;
  });
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  const order = new Uint32Array(inside);
  level.forEach((l, i) => {
    if (mask.data[i]) order[starts[top - l]!++] = i;
  });
  return order;
}
