import { describe, expect, it } from 'vitest';
import { gaussianBlur } from './gaussian-blur.ts';

describe('gaussianBlur', () => {
  it('turns a point into a Gaussian that holds all its light', () => {
    const plane = new Float32Array(41 * 31);
    plane[15 * 41 + 20] = 1000;
    const out = gaussianBlur(plane, 41, 31, 2);
    expect(out.reduce((a, b) => a + b, 0)).toBeCloseTo(1000, 1);
    expect(out[15 * 41 + 20]).toBeCloseTo(1000 / (2 * Math.PI * 4), 0);
    const ratio = out[15 * 41 + 22]! / out[15 * 41 + 20]!;
    expect(ratio).toBeCloseTo(Math.exp(-0.5), 3);
    expect(out[17 * 41 + 20]).toBeCloseTo(out[15 * 41 + 22]!, 4);
  });

  it('keeps an even plane even up to its border, also when it is smaller than the kernel', () => {
    for (const value of gaussianBlur(new Float32Array(3 * 2).fill(7), 3, 2, 5)) expect(value).toBeCloseTo(7, 5);
  });

  it('returns a copy when there is nothing to blur', () => {
    const plane = Float32Array.of(1, 2, 3, 4);
    const out = gaussianBlur(plane, 2, 2, 0);
    expect(out).toEqual(plane);
    expect(out).not.toBe(plane);
  });
});
