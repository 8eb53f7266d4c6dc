import { expect, test } from 'vitest';
import { agoText, countText, durationText, fullTimeText, numberText, offsetText, sizeText, timeText } from './words.ts';

test('sizes have three figures', () => {
  expect([512, 8_250_000_000, 99_960].map(sizeText)).toEqual(['512\u202fB', '8.25\u202fGB', '100\u202fkB']);
});

test('durations', () => {
  expect([400, 59_600, 1_876_000, 7_500_000].map(durationText)).toEqual([
    '0.4 s',
    '1 min 00 s',
    '31 min 16 s',
    '2 h 05 min',
  ]);
});

test('times of another day name it', () => {
  const now = new Date(2026, 8, 17, 15, 0);
  expect(timeText(new Date(2026, 8, 17, 14, 15).toISOString(), now)).toBe('14:15');
  expect(timeText(new Date(2026, 8, 16, 17, 48).toISOString(), now)).toBe('16 Sep 17:48');
  expect(timeText(new Date(2025, 11, 1, 0, 5).toISOString(), now)).toBe('1 Dec 2025 00:05');
  expect(fullTimeText(new Date(2026, 0, 2, 3, 4, 5).toISOString())).toMatch(/^2026-01-02 03:04:05 \(UTC/);
  expect([0, 120, -210, 345].map(offsetText)).toEqual(['UTC', 'UTC+2', 'UTC-3:30', 'UTC+5:45']);
});

test('ages and counts', () => {
  const now = Date.parse('2026-09-17T15:00:00Z');
  expect(agoText('2026-09-17T14:59:40Z', now)).toBe('just now');
  expect(agoText('2026-09-17T14:18:00Z', now)).toBe('42 min ago');
  expect(agoText('2026-09-10T14:18:00Z', now)).toBe('7 d ago');
  expect(countText(1, 1, 'image')).toBe('1 of 1 image');
  expect(countText(3, 1200, 'image')).toBe('3 of 1,200 images');
  expect([0, 1, 41_208].map((n) => numberText(n, 'file'))).toEqual(['0 files', '1 file', '41,208 files']);
});

test('sizes and durations never show a full unit of the next', () => {
  expect(sizeText(999_600)).toBe('1.00\u202fMB');
  expect(durationText(9_960)).toBe('10 s');
  expect(durationText(3_599_600)).toBe('1 h 00 min');
});
