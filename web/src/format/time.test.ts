import { describe, expect, it } from 'vitest';
import { formatAgo, formatDuration, formatFully, formatOffset, formatTime, formatTimeExactly } from './time.ts';

const plain = (text: string): string => text.replaceAll('\u202f', ' ');

describe('times', () => {
  const now = new Date(2026, 8, 17, 14, 22, 34);

  it('drops what the reader knows', () => {
    expect(formatTime(new Date(2026, 8, 17, 4, 5), now)).toBe('04:05');
    expect(formatTime(new Date(2026, 8, 16, 17, 48), now)).toBe('16 Sep 17:48');
    expect(formatTime(new Date(2025, 11, 1, 0, 0), now)).toBe('1 Dec 2025 00:00');
    expect(formatTimeExactly(new Date(2026, 8, 17, 14, 15, 5), now)).toBe('14:15:05');
  });

  it('is whole in titles', () => {
    expect(formatFully(new Date(2026, 0, 2, 3, 4, 5))).toMatch(/^2026-01-02 03:04:05 \(UTC/);
  });

  it.each([
    [0, 'UTC'],
    [120, 'UTC+2'],
    [-210, 'UTC-3:30'],
    [345, 'UTC+5:45'],
  ])('names an offset of %d minutes %s', (minutes, text) => {
    expect(formatOffset(minutes)).toBe(text);
  });

  it.each([
    [-5_000, 'now'],
    [0, 'now'],
    [59_999, '59 s ago'],
    [60_000, '1 min ago'],
    [3_599_999, '59 min ago'],
    [23 * 3_600_000, '23 h ago'],
    [24 * 3_600_000, '1 day ago'],
    [9 * 86_400_000, '9 days ago'],
  ])('%d ms are %s', (ms, text) => {
    expect(plain(formatAgo(new Date(now.getTime() - ms), now))).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [-1, '0.0 s'],
    [200, '0.2 s'],
    [9_940, '9.9 s'],
    [9_960, '10 s'],
    [59_600, '1 min'],
    [31 * 60_000 + 16_000, '31 min 16 s'],
    [3_599_600, '1 h'],
    [3 * 3_600_000 + 8 * 60_000, '3 h 8 min'],
    [86_399_000, '1 d'],
    [2 * 86_400_000 + 4 * 3_600_000, '2 d 4 h'],
  ])('%d ms are %s', (ms, text) => {
    expect(plain(formatDuration(ms))).toBe(text);
  });
});
