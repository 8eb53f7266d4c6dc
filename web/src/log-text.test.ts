import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { appendLog, emptyLog, plainLine, shownLines } from './log-text.ts';

test('the pieces make the same lines wherever they are cut', () => {
  const texts = fc
    .array(fc.constantFrom('a', 'b', '\n', '\r\n', '10%\r', '\u001b[32m', 'é', '\t'))
    .map((p) => p.join(''));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(60)), (text, cuts) => {
      let log = emptyLog;
      let from = 0;
      for (const cut of [...cuts].sort((x, y) => x - y)) {
        log = appendLog(log, text.slice(from, Math.max(from, cut)));
        from = Math.max(from, cut);
      }
      log = appendLog(log, text.slice(from));
      expect(shownLines(log)).toEqual(shownLines(appendLog(emptyLog, text)));
    }),
  );
});

test('progress bars show their end, colours and other controls nothing', () => {
  expect(plainLine('10%\r20%\r30%')).toBe('30%');
  expect(plainLine('done\r')).toBe('done');
  expect(plainLine('\u001b[1;31merror\u001b[0m: \u001b]0;title\u0007x\u0000y\tz')).toBe('error: xy\tz');
});

test('only the last lines are kept, and their number is known', () => {
  const log = appendLog(emptyLog, Array.from({ length: 5_200 }, (_, i) => `${i}\n`).join(''));
  expect([log.lines.length, log.dropped, log.lines[0]]).toEqual([5_000, 200, '200']);
});

test('a line without end stays small', () => {
  let log = emptyLog;
  for (let i = 0; i < 50; i++) log = appendLog(log, 'x'.repeat(1_000));
  expect(log.rest.length).toBeLessThanOrEqual(20_000);
});
