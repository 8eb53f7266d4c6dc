import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { allowedFolders, refusalOfFile } from './allowed-files.ts';
import { readNearestMetadata } from './annotate-images.ts';
import { fairOrder } from './fair-order.ts';
import type { OrderRow } from './order-rows.ts';
import { describeFailures, mergeFound } from './outcome.ts';
import { fileNamesColumn, parseOrder } from './parse-order.ts';

const row: OrderRow = {
  id: 1,
  uuid: '0d5f4f0e-3c1e-5d6f-8a55-0123456789ab',
  group_name: 'demo',
  user_name: 'researcher',
  destination_id: '12',
  destination_type: 'Dataset',
  stage: 'Import Pending',
  files: '["/data/demo/a.tif"]',
  file_names: '[]',
  preprocessing_id: null,
};

test.each<[string, Partial<OrderRow>, RegExp]>([
  ['a uuid that is a path', { uuid: '/etc' }, /uuid/],
  ['a uuid that climbs', { uuid: '..' }, /uuid/],
  ['an unknown destination type', { destination_type: 'dataset' }, /Dataset or Screen/],
  ['a destination that is no id', { destination_id: '12; drop table imports' }, /not an OMERO id/],
  ['destination 0', { destination_id: '0' }, /not an OMERO id/],
  ['no group', { group_name: ' ' }, /no group/],
  ['files that are not JSON', { files: "['a']" }, /not JSON/],
  ['files that are no list', { files: '{"a": 1}' }, /no files/],
  ['no files', { files: '[]' }, /no files/],
  ['a file that is a number', { files: '[1]' }, /no path/],
  ['a relative path', { files: '["a.tif"]' }, /not absolute/],
  ['a path that climbs', { files: '["/data/demo/../other/a.tif"]' }, /parts such as/],
  ['preprocessing', { preprocessing_id: 3 }, /preprocessing/],
])('an order with %s is refused with that reason', (_, change, reason) => {
  expect(() => parseOrder({ ...row, ...change })).toThrow(reason);
});

test('any text in any column is an order or an error of the registry', () => {
  const text = fc.string({ unit: 'binary', maxLength: 30 });
  fc.assert(
    fc.property(text, text, text, text, text, (uuid, group, type, id, files) => {
      try {
        parseOrder({ ...row, uuid, group_name: group, destination_type: type, destination_id: id, files });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ORDER_INVALID' });
      }
    }),
  );
});

test('file names collapse as the Python importer collapses them', () => {
  expect(fileNamesColumn(['/a/1.tif', '/a/2.tif'])).toBe('["1.tif", "2.tif"]');
  expect(fileNamesColumn(['/a/1.tif', '/a/2.tif', '/a/3.tif'])).toBe('["1.tif", "...", "3.tif"]');
});

test('files are allowed by where their bytes lie', async () => {
  const base = await temporaryFolder('storage');
  for (const folder of ['demo', 'Project A', 'elsewhere']) await mkdir(join(base, folder));
  await writeFile(join(base, 'demo', 'a.tif'), '');
  await writeFile(join(base, 'Project A', 'b.tif'), '');
  await symlink('/etc/passwd', join(base, 'demo', 'link.tif'));
  const mappings = join(base, 'mappings.json');
  await writeFile(mappings, JSON.stringify({ '5': { folder: 'Project A', groupName: 'mapped' } }));
  const storage = { baseDir: base, mappingFiles: [mappings] };
  const refusal = async (group: string, path: string): Promise<string | null> =>
    refusalOfFile(path, await allowedFolders(storage, group), group);
  expect(await refusal('demo', join(base, 'demo', 'a.tif'))).toBeNull();
  expect(await refusal('mapped', join(base, 'Project A', 'b.tif'))).toBeNull();
  expect(await refusal('mapped', join(base, 'demo', 'a.tif'))).toMatch(/outside the folders of group mapped/);
  expect(await refusal('demo', join(base, 'Project A', 'b.tif'))).toMatch(/outside/);
  expect(await refusal('demo', join(base, 'demo', 'link.tif'))).toMatch(/outside/);
  expect(await refusal('demo', '/etc/passwd')).toMatch(/outside/);
  expect(await refusal('demo', join(base, 'demo', 'gone.tif'))).toBe('it does not exist');
  expect(await refusal('demo', join(base, 'demo', 'a\nb.tif'))).toMatch(/line break/);
  expect(await refusal('demo', join(base, 'elsewhere'))).toMatch(/neither a file/);
  await expect(allowedFolders(storage, '../x')).rejects.toMatchObject({ code: 'GROUP_FOLDER_OUTSIDE' });
});

test('what OMERO has decides; the process is believed only for reasons', () => {
  const found = new Map([
    ['/a', { filesetId: 1, imageIds: [10], plateIds: [] }],
    ['/b', { filesetId: 2, imageIds: [11, 12], plateIds: [] }],
  ]);
  const errors = [
    { file: '/a', reason: 'said to have failed' },
    { file: '/c', reason: 'no reader' },
  ];
  const results = mergeFound(['/a', '/b', '/c', '/d'], found, errors, (path) => path === '/b');
  expect(results.map((r) => [r.state, r.error])).toEqual([
    ['imported', null],
    ['already-there', null],
    ['failed', 'no reader'],
    ['failed', expect.stringContaining('no reason')],
  ]);
  expect(describeFailures(results)).toMatch(/^2 of 4 files imported\. c: no reader; d: /);
});

test('groups take turns, the oldest order of each first', () => {
  const waiting = ['a1', 'a2', 'a3', 'b1', 'c1', 'c2'].map((id) => ({ id, group_name: id[0] ?? '' }));
  expect(fairOrder(waiting, ['a']).map((o) => o.id)).toEqual(['b1', 'c1', 'a1', 'c2', 'a2', 'a3']);
  expect(fairOrder([], [])).toEqual([]);
});

test('the nearest metadata.csv between file and archive counts', async () => {
  const root = await temporaryFolder('archive');
  await mkdir(join(root, '1_out', 'data', 'out'), { recursive: true });
  await writeFile(join(root, 'metadata.csv'), 'Far,1\r\n');
  await writeFile(join(root, '1_out', 'metadata.csv'), 'Job_ID,1\r\n"a ""b""","x, y"\r\nthree,columns,here\r\n');
  const folder = join(root, '1_out', 'data', 'out');
  expect(await readNearestMetadata(folder, root)).toEqual([
    ['Job_ID', '1'],
    ['a "b"', 'x, y'],
  ]);
  expect(await readNearestMetadata(folder, null)).toEqual([]);
  expect(await readNearestMetadata(folder, folder)).toEqual([]);
});
