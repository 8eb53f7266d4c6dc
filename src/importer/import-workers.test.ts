import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { HandedBack, ImportWorkers } from './import-workers.ts';

const { signal } = new AbortController();

test('so many work at once, the others in the sequence of asking', async () => {
  const workers = new ImportWorkers(2);
  const entered: string[] = [];
  const enter = async (name: string): Promise<() => void> => {
    const leave = await workers.enter(signal);
    entered.push(name);
    return leave;
  };
  const [a, b] = [await enter('a'), await enter('b')];
  const [c, d] = [enter('c'), enter('d')];
  await sleep(20);
  expect(entered).toEqual(['a', 'b']);
  a();
  // Once more frees nobody else.
  a();
  const leave = await c;
  await sleep(20);
  expect(entered).toEqual(['a', 'b', 'c']);
  b();
  leave();
  (await d)();
  expect(entered).toEqual(['a', 'b', 'c', 'd']);
});

test('who waits too long is given back, and who is ended waits no more; neither takes a worker', async () => {
  const workers = new ImportWorkers(1, 50);
  const leave = await workers.enter(signal);
  const stop = new AbortController();
  const ended = workers.enter(stop.signal);
  stop.abort(new Error('ended'));
  await expect(ended).rejects.toThrow('ended');
  await expect(workers.enter(signal)).rejects.toBeInstanceOf(HandedBack);
  await expect(workers.enter(stop.signal)).rejects.toThrow('ended');
  const next = workers.enter(signal);
  leave();
  (await next)();
});

test('orders are prepared ahead only while all imports are short, those that go on too', async () => {
  const times = vi.spyOn(process, 'hrtime');
  let now = 0;
  times.mockImplementation((() => [0, now * 1e6]) as unknown as typeof process.hrtime);
  try {
    const workers = new ImportWorkers(2);
    const work = async (ms: number): Promise<void> => {
      const leave = await workers.enter(signal);
      now += ms;
      leave();
    };
    expect(workers.ahead).toBe(0);
    await work(10);
    expect(workers.ahead).toBe(8);
    const leave = await workers.enter(signal);
    expect(workers.ahead).toBe(8);
    now += 501;
    expect(workers.ahead).toBe(0);
    leave();
    await work(10);
    expect(workers.ahead).toBe(0);
    await work(10);
    expect(workers.ahead).toBe(8);
  } finally {
    times.mockRestore();
  }
});
