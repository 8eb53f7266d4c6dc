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

test('the first failure stops the adding, and the others are waited for', async () => {
  const flight = new InFlight(2);
  let ended = false;
  await flight.add(async () => {
    await pause(5);
    throw new Error('first');
  });
  await flight.add(async () => {
    await pause(30);
    ended = true;
  });
  let begun = false;
  await expect(
    flight.add(async () => {
      begun = true;
    }),
  ).rejects.toThrow('first');
  await expect(flight.settle()).rejects.toThrow('first');
  expect({ ended, begun }).toEqual({ ended: true, begun: false });
});
