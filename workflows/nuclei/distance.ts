import type { Mask } from './plane.ts';

/**
 * Exact Euclidean distance of every pixel of the mask to the nearest pixel outside it, in pixels (lower envelope of
 * parabolas, first along columns, then along rows). Beyond the image's border nothing is outside, so that an object
 * which the border cuts has its middle where it is thickest, not a false rim.
 */
export function distanceInside(mask: Mask): Float32Array {
  const { width, height } = mask;
  const far = (width + height) ** 2;
  const squared = new Float64Array(width * height);
  const envelope = new Envelope(Math.max(width, height));
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) envelope.values[y] = mask.data[y * width + x] ? far : 0;
    envelope.transform(height);
    for (let y = 0; y < height; y++) squared[y * width + x] = envelope.out[y]!;
  }
  const distance = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) envelope.values[x] = squared[y * width + x]!;
    envelope.transform(width);
    for (let x = 0; x < width; x++) distance[y * width + x] = Math.sqrt(envelope.out[x]!);
  }
  return distance;
}

/** out[i] = min over j of values[j] + (i - j)^2. */
class Envelope {
  readonly values: Float64Array;
  readonly out: Float64Array;
  readonly #place: Int32Array;
  readonly #from: Float64Array;

  constructor(length: number) {
    this.values = new Float64Array(length);
    this.out = new Float64Array(length);
    this.#place = new Int32Array(length);
    this.#from = new Float64Array(length + 1);
  }

  transform(length: number): void {
    const { values, out } = this;
    const place = this.#place;
    const from = this.#from;
    let last = 0;
    place[0] = 0;
    from[0] = -Infinity;
    from[1] = Infinity;
    const crossing = (i: number, j: number): number => (values[i]! + i * i - values[j]! - j * j) / (2 * (i - j));
    for (let i = 1; i < length; i++) {
      let at = crossing(i, place[last]!);
      while (at <= from[last]!) at = crossing(i, place[--last]!);
      place[++last] = i;
      from[last] = at;
      from[last + 1] = Infinity;
    }
    for (let i = 0, k = 0; i < length; i++) {
      while (from[k + 1]! < i) k++;
      out[i] = values[place[k]!]! + (i - place[k]!) ** 2;
    }
  }
}
