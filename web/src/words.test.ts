import { expect, test } from 'vitest';
import { agoText, countText, durationText, sizeText, timeText } from './words.ts';

test('sizes have three figures', () => {
  expect([512, 8_250_000_000, 99_960].map(sizeText)).toEqual(['512\u202fB', '8.25\u202fGB', '100\u202fkB']);
});

test('durations', () => {
  expect([400, 59_600, 1_876_000, 7_500_000].map(durationText)).toEqual(['0.4 s', '1 min 00 s', '31 min 16 s', '2 h 05 min']);
});

test('times of another day name it', () => {
  const now = new Date(2026, 8, 17, 15, 0);
  expect(timeText(new Date(2026, 8, 17, 14, 15).toISOString(), now)).toBe('14:15');
  expect(timeText(new Date(2026, 8, 16, 17, 48).toISOString(), now)).toMatch(/^16 Sept? 17:48$/);
});

test('ages and counts', () => {
  const now = Date.parse('2026-09-17T15:00:00Z');
  expect(agoText('2026-09-17T14:59:40Z', now)).toBe('just now');
  expect(agoText('2026-09-17T14:18:00Z', now)).toBe('42 min ago');
  expect(agoText('2026-09-10T14:18:00Z', now)).toBe('7 d ago');
  expect(countText(1, 1, 'image')).toBe('1 of 1 image');
  expect(countText(3, 1200, 'image')).toBe('3 of 1,200 images');
});
