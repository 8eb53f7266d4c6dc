import { expect, test } from 'vitest';
import { Wakeups } from './wakeups.ts';

const never = new AbortController().signal;

test('a sleeper ends at its wake-up, not at another', async () => {
  const wakeups = new Wakeups();
  let ended = false;
  const sleep = wakeups.wait('a', 60_000, never).then(() => (ended = true));
  wakeups.wake('b');
  await Promise.resolve();
  expect(ended).toBe(false);
  wakeups.wake('a');
  await sleep;
  expect(ended).toBe(true);
});

test('a sleeper ends by time and by abort', async () => {
  const wakeups = new Wakeups();
  await wakeups.wait('a', 5, never);
  const stop = new AbortController();
  const sleep = wakeups.wait('a', 60_000, stop.signal);
  stop.abort();
  await sleep;
  await wakeups.wait('a', 60_000, stop.signal);
});
