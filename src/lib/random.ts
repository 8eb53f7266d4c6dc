/** Random numbers that are the same for the same seed on every machine. Not for secrets. */
export interface SeededRandom {
  /** Uniform in [0, 1), with 32 bits. */
  next: () => number;
  between: (low: number, high: number) => number;
  /** Normal with mean 0 and standard deviation 1. */
  normal: () => number;
  /** Poisson count of the given mean. */
  poisson: (mean: number) => number;
}

/** Above this mean a rounded normal differs from a Poisson by less than camera noise does. */
const normalFrom = 60;

/** A generator whose stream is fixed by all numbers together: `seededRandom(seed, imageIndex)`. */
export function seededRandom(...seeds: number[]): SeededRandom {
  // Four words of state, each seed mixed into every word, so that neighbouring seeds give unrelated streams.
  const state: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x2545f491];
  for (const seed of seeds) {
    const words = [Math.trunc(seed) >>> 0, Math.floor(Math.abs(seed) / 2 ** 32) >>> 0];
    for (const word of words) for (let i = 0; i < 4; i++) state[i & 3] = mix((state[i & 3] ?? 0) ^ mix(word + i));
  }

  const word = (): number => {
    let [a, b, c, d] = state;
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    state[0] = a;
    state[1] = b;
    state[2] = c | 0;
    state[3] = d;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();

  const next = (): number => word() / 2 ** 32;
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    between: (low, high) => low + (high - low) * next(),
    poisson: (mean) => {
      if (mean <= 0) return 0;
      if (mean >= normalFrom) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
      const floor = Math.exp(-mean);
      let count = 0;
      for (let product = next(); product > floor; product *= next()) count++;
      return count;
    },
  };
}

/** Spreads every input bit over all 32 output bits. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
