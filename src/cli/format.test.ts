import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatTable } from './format.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [8_250_000_000, '8.25 GB'],
  [99_960, '100 kB'],
  [999_600, '1.00 MB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0, '0.0 s'],
  [9_940, '9.9 s'],
  [9_960, '10 s'],
  [59_600, '1 min 00 s'],
  [1_876_000, '31 min 16 s'],
  [7_500_000, '2 h 05 min'],
])('%d ms are %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test('columns line up', () => {
  expect(
    formatTable([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toBe('a    bb\nccc  d');
});
