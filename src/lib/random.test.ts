import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';

const take = (n: number, f: () => number): number[] => Array.from({ length: n }, f);
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const variance = (values: number[]): number => {
  const m = mean(values);
  return mean(values.map((v) => (v - m) ** 2));
};

describe('seededRandom', () => {
  it('repeats the stream of its seeds', () => {
    const first = seededRandom(7, 1);
    const second = seededRandom(7, 1);
    expect(take(50, first.next)).toEqual(take(50, second.next));
  });

  it('gives unrelated streams for neighbouring seeds, for 0 and 1, and for seeds beyond 32 bits', () => {
    const streams = [[0], [1], [0, 0], [0, 1], [1, 0], [2 ** 32], [2 ** 32 + 1]].map((s) => seededRandom(...s).next());
    expect(new Set(streams).size).toBe(streams.length);
  });

  it('is uniform', () => {
    const { next } = seededRandom(3);
    const bins = Array.from<number>({ length: 20 }).fill(0);
    for (let i = 0; i < 40_000; i++) bins[Math.floor(next() * 20)]! += 1;
    // 19 degrees of freedom: 43.8 is passed once in a thousand streams, and this stream is fixed.
    const chi2 = bins.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0);
    expect(chi2).toBeLessThan(43.8);
  });

  it('has normals of mean 0 and deviation 1', () => {
    const values = take(40_000, seededRandom(4).normal);
    expect(Math.abs(mean(values))).toBeLessThan(0.02);
    expect(Math.abs(variance(values) - 1)).toBeLessThan(0.03);
  });

  it.each([0.5, 12, 59, 61, 900])('has Poisson counts whose mean and variance are %d', (m) => {
    const random = seededRandom(5);
    const values = take(20_000, () => random.poisson(m));
    expect(Math.abs(mean(values) / m - 1)).toBeLessThan(0.03);
    expect(Math.abs(variance(values) / m - 1)).toBeLessThan(0.05);
    expect(values.every((v) => Number.isInteger(v) && v >= 0)).toBe(true);
  });

  it('counts nothing for a mean of nothing', () => {
    expect(seededRandom(1).poisson(0)).toBe(0);
  });
});
