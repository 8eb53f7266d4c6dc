import { expect, test } from 'vitest';
import { figure, histogram, median } from './chart.ts';

test('every value is in one bin, the largest in the last', () => {
  const values = Array.from({ length: 100 }, (_, i) => i / 10);
  const bins = histogram(values);
  expect(bins).toHaveLength(10);
  expect(bins.map((b) => b.count)).toEqual(Array.from({ length: 10 }, () => 10));
  expect(bins.at(-1)?.to).toBeCloseTo(9.9);
});

test('one value alone, and none', () => {
  expect(histogram([5, 5])).toEqual([{ from: 5, to: 5, count: 2 }]);
  expect(histogram([])).toEqual([]);
  expect(median([])).toBeNull();
});

test('the median is the middle of what is there', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 2, 9])).toBe(3);
});

test('figures are short and keep their meaning', () => {
  expect([0, 12345, 1234567890, 0.123456, 3.14159, 0.00001234].map(figure)).toEqual([
    '0',
    '12,345',
    '1.235e+9',
    '0.1235',
    '3.142',
    '1.234e-5',
  ]);
});
