import { expect, test } from 'vitest';
import { fitsPattern } from './file-pattern.ts';

test.each([
  ['a_mask.tif', '*_mask.tif', true],
  ['a_mask.tif', '*_MASK.tif', false],
  ['a_mask.tif', '*mask*', true],
  ['deep/a_mask.tif', 'deep/*', true],
  ['a_mask.tif', 'a_mask', false],
  ['a1.tif', 'a?.tif', true],
  ['a.tif', 'a?.tif', false],
  ['a1.tif', 'a[0-9].tif', true],
  ['ab.tif', 'a[!0-9].tif', true],
  ['a1.tif', 'a[!0-9].tif', false],
  ['a].tif', 'a[]].tif', true],
  ['a-.tif', 'a[x-].tif', true],
  ['a[.tif', 'a[.tif', true],
  ['a.tif', 'a.tif**', true],
  ['ünï.tif', '?n?.tif', true],
  ['', '*', true],
  ['a', '', false],
])('%s and %s: %s', (text, pattern, fits) => {
  expect(fitsPattern(text, pattern)).toBe(fits);
});

test('a pattern made to be slow is not', () => {
  const began = performance.now();
  expect(fitsPattern('a'.repeat(4_000), `${'*a'.repeat(100)}b`)).toBe(false);
  expect(performance.now() - began).toBeLessThan(2_000);
});
