import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { archivePlace, formatStamp, freeStamp } from './layout.ts';

const now = new Date(2025, 0, 31, 23, 59, 59);

test('a stamp is the local time, and the next second where that is taken by an archive or by staging', async () => {
  const base = await temporaryFolder('layout');
  const workflow = randomUUID();
  const stamps = [];
  for (let i = 0; i < 4; i++) stamps.push(await freeStamp(base, workflow, randomUUID(), now));
  expect(stamps).toEqual(['20250131_235959', '20250201_000000', '20250201_000001', '20250201_000002']);
  await mkdir(join(base, '.analyzed', workflow, '20250201_000003'));
  expect(await freeStamp(base, workflow, randomUUID(), now)).toBe('20250201_000004');
  expect(await freeStamp(base, randomUUID(), randomUUID(), now)).toBe('20250131_235959');
});

test('the same task gets the stamp that it had before a crash, hours later too', async () => {
  const base = await temporaryFolder('layout');
  const [workflow, task] = [randomUUID(), randomUUID()];
  const stamp = await freeStamp(base, workflow, task, now);
  expect(await freeStamp(base, workflow, task, new Date(now.getTime() + 3_600_000))).toBe(stamp);
  expect(await readdir(join(base, '.analyzed', workflow))).toEqual([`.${stamp}.${task}.partial`]);
});

test('tasks that ask at the same moment never share a second', async () => {
  const base = await temporaryFolder('layout');
  const workflow = randomUUID();
  const stamps = await Promise.all(Array.from({ length: 12 }, () => freeStamp(base, workflow, randomUUID(), now)));
  expect(new Set(stamps).size).toBe(12);
});

test('the paths are those of the specification', () => {
  const [workflow, task] = [randomUUID(), randomUUID()];
  expect(archivePlace('/data/team', workflow, task, formatStamp(now))).toEqual({
    parent: `/data/team/.analyzed/${workflow}`,
    staging: `/data/team/.analyzed/${workflow}/.20250131_235959.${task}.partial`,
    final: `/data/team/.analyzed/${workflow}/20250131_235959`,
  });
});

test.each([
  ['..', randomUUID(), '20250131_235959', '/data'],
  ['', randomUUID(), '20250131_235959', '/data'],
  [`${randomUUID()}/..`, randomUUID(), '20250131_235959', '/data'],
  [`${randomUUID()}\n`, randomUUID(), '20250131_235959', '/data'],
  [randomUUID(), '../x', '20250131_235959', '/data'],
  [randomUUID(), randomUUID(), '../../../../x', '/data'],
  [randomUUID(), randomUUID(), '20250131_235959', 'data'],
])('workflow %j, task %j, stamp %j, folder %j is refused', (workflow, task, stamp, base) => {
  expect(() => archivePlace(base, workflow, task, stamp)).toThrow(
    expect.objectContaining({ code: 'ARCHIVE_ID_INVALID' }),
  );
});
