import { describe, expect, it } from 'vitest';
import { countOf, formatBytes, formatCount } from './size.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [8_250_000_000, '8.25 GB'],
    [173e9, '173 GB'],
    [5e18, '5000 PB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text.replace(' ', '\u202f'));
  });
});

it.each([
  [0, '0'],
  [999, '999'],
  [1053, '1,053'],
  [41_208_000, '41,208,000'],
])('%d is counted as %s', (count, text) => {
  expect(formatCount(count)).toBe(text);
});

it('counts things in the singular and the plural', () => {
  expect([0, 1, 1200].map((n) => countOf(n, 'file'))).toEqual(['0 files', '1 file', '1,200 files']);
});
