import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStream, type EventSourceLike } from './event-stream.ts';

class Source implements EventSourceLike {
  readyState = 0;
  readonly #listeners = new Map<string, ((event: { data?: string }) => void)[]>();

  addEventListener(type: string, listener: (event: { data?: string }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  close(): void {
    this.readyState = 2;
  }

  fire(type: string, data?: string): void {
    if (type === 'open') this.readyState = 1;
    for (const listener of this.#listeners.get(type) ?? []) listener(data === undefined ? {} : { data });
  }
}

let sources: Source[];
let lost: (number | null)[];
let got: string[];
let refused: number;
const last = (): Source => sources.at(-1)!;

function open(): () => void {
  return openStream(
    () => {
      sources.push(new Source());
      return last();
    },
    { events: { run: (data) => got.push(data) }, onLost: (since) => lost.push(since), onRefused: () => refused++ },
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  [sources, lost, got, refused] = [[], [], [], 0];
});
afterEach(() => {
  vi.useRealTimers();
});

test('passes events on while the connection stands', () => {
  open();
  last().fire('open');
  last().fire('run', 'a');
  expect([got, lost]).toEqual([['a'], []]);
});

test('says since when the line is broken, once, and that it is back; the browser itself reconnects', () => {
  open();
  last().fire('open');
  const since = Date.now();
  last().readyState = 0;
  last().fire('error');
  vi.advanceTimersByTime(3_000);
  last().fire('error');
  last().fire('open');
  expect([sources.length, lost, refused]).toEqual([1, [since, null], 0]);
});

test('tries again, ever more slowly, after a refusal, which the browser takes for final', () => {
  open();
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const before = sources.length;
    last().readyState = 2;
    last().fire('error');
    let waited = 0;
    for (; sources.length === before; waited += 500) vi.advanceTimersByTime(500);
    waits.push(waited);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(refused).toBe(6);
  last().fire('open');
  last().readyState = 2;
  last().fire('error');
  vi.advanceTimersByTime(1_000);
  expect(sources.length).toBe(8);
});

test('gives up a line that is open but silent, and keeps one that pings', () => {
  open();
  last().fire('open');
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(15_000);
    last().fire('ping', '');
  }
  expect([sources.length, lost]).toEqual([1, []]);
  const silent = last();
  vi.advanceTimersByTime(40_010);
  expect([sources.length, silent.readyState, lost.length]).toEqual([2, 2, 1]);
  silent.fire('run', 'late');
  expect(got).toEqual([]);
});

test('a connection that never opens is noticed too', () => {
  open();
  vi.advanceTimersByTime(40_010);
  expect(sources.length).toBe(2);
});

test('ends for good when it is closed', () => {
  const close = open();
  last().fire('open');
  close();
  vi.advanceTimersByTime(100_000);
  expect([sources.length, last().readyState, lost]).toEqual([1, 2, []]);
});
