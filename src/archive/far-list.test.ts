import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeResults, withStream, type Results } from '../../test/support/results.ts';
import type { Transport } from '../slurm/transport.ts';
import { resultsFolder, type FarList } from './far-folder.ts';
import { differenceFrom, listResults, lookAtResults } from './far-list.ts';

const { signal } = new AbortController();

async function listed(results: Results, transport: Transport = results.transport): Promise<FarList> {
  const folder = resultsFolder(transport, 'job', 12);
  const list = await listResults(folder, await lookAtResults(folder, signal), signal);
  if (!list) throw new Error('no results');
  return list;
}

async function difference(before: FarList, results: Results): Promise<string | null> {
  const folder = resultsFolder(results.transport, 'job', 12);
  return differenceFrom(before, folder, await lookAtResults(folder, signal), signal);
}

const files = { 'a.tif': 'one', 'b\nc/d.tif': 'two', empty: null, 'ü/x\t.csv': '1' };

test('a list is the same in whatever pieces it comes', async () => {
  const results = await makeResults(files);
  const whole = await listed(results);
  expect([...whole.files.keys()].sort()).toEqual(['a.tif', 'b\nc/d.tif', 'ü/x\t.csv'].sort());
  expect(whole.bytes).toBe(7);
  // One byte at a time, so that every record is cut in every place.
  const slow = withStream(results, (argv) => ['sh', '-c', '"$@" | dd bs=1 status=none', 'sh', ...argv]);
  expect(await listed(results, slow)).toEqual(whole);
});

test('a list without an end is given up, and so is one that is cut', async () => {
  const results = await makeResults(files);
  const endless = withStream(results, () => ['sh', '-c', 'while :; do printf %01000d 0; done']);
  await expect(listed(results, endless)).rejects.toMatchObject({ code: 'TRANSFER_INCOMPLETE' });
  const cut = withStream(results, () => ['printf', 'f\\t3\\t1.0\\ta.tif\\0f\\t3']);
  await expect(listed(results, cut)).rejects.toThrow('cut off');
});

test.each<[string, (out: string) => Promise<void>, string]>([
  ['a file that grew', (out) => writeFile(join(out, 'a.tif'), 'longer'), 'a.tif'],
  ['a file written anew with as many bytes', (out) => writeFile(join(out, 'a.tif'), 'eno'), 'a.tif'],
  ['a new file', (out) => writeFile(join(out, 'new.tif'), ''), 'new.tif'],
  ['a file that went away', (out) => rm(join(out, 'a.tif')), 'a.tif'],
  ['a file with another name', (out) => rename(join(out, 'a.tif'), join(out, 'z.tif')), 'z.tif'],
  ['results whose folder is gone', (out) => rm(out, { recursive: true }), 'went away'],
])('%s is told by its name', async (_what, change, name) => {
  const results = await makeResults(files);
  const before = await listed(results);
  expect(await difference(before, results)).toBeNull();
  await change(results.out);
  expect(await difference(before, results)).toContain(name);
});
