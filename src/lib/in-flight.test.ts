import { expect, test } from 'vitest';
import { InFlight } from './in-flight.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('no more than the limit goes on at once, and all is done at the end', async () => {
  const flight = new InFlight(3);
  let now = 0;
  let most = 0;
  let done = 0;
  for (let i = 0; i < 20; i++)
    await flight.add(async () => {
      most = Math.max(most, ++now);
      await pause(2);
      now--;
      done++;
    });
  await flight.settle();
  expect({ most, done }).toEqual({ most: 3, done: 20 });
});

test('the first failure stops the adding, after the others have ended', async () => {
  const flight = new InFlight(2);
  let ended = false;
  await flight.add(() => Promise.reject(new Error('first')));
  await flight
    .add(async () => {
      await pause(20);
      ended = true;
    })
    .catch(() => {});
  await expect(
    (async () => {
      for (let i = 0; i < 5; i++) await flight.add(() => pause(1));
    })(),
  ).rejects.toThrow('first');
  await expect(flight.settle()).rejects.toThrow('first');
  expect(ended).toBe(true);
});
