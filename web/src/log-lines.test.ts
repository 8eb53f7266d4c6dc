import { expect, test } from 'vitest';
import { findLines, pieces } from './log-lines.tsx';

test('a text is found in lines whatever its case, and never as a pattern', () => {
  const lines = ['Reading a.tif', 'ERROR: none', '50%', 'error again'];
  expect(findLines(lines, 'error')).toEqual([1, 3]);
  expect(findLines(lines, '.')).toEqual([0]);
  expect(findLines(lines, '')).toEqual([]);
});

test('findings are cut out of their line', () => {
  expect(pieces('an error, an Error', 'error')).toEqual(['an ', 'error', ', an ', 'Error', '']);
  expect(pieces('none', 'error')).toEqual(['none']);
  expect(pieces('İİ error', 'error')).toEqual(['İİ error']);
});
