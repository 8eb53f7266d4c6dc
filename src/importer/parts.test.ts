import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { bridgeError } from '../domain/errors.ts';
import { allowedFolders, refusalOfFile } from './allowed-files.ts';
import { readNearestMetadata } from './annotate-images.ts';
import { afterError } from './attempts.ts';
import { fairOrder } from './fair-order.ts';
import { clashingNames, locateFiles } from './found-files.ts';
import { checkEnd } from './import-process.ts';
import type { OrderRow } from './order-rows.ts';
import { describeResults, failedFile, mergeFound } from './outcome.ts';
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
  ['a destination beyond what numbers hold', { destination_id: '9007199254740993' }, /not an OMERO id/],
  ['a list without end', { files: null }, /longer/],
  ['a path that is no Unicode', { files: '["/data/\\ud800.tif"]' }, /Unicode/],
  ['destination 0', { destination_id: '0' }, /not an OMERO id/],
  ['no group', { group_name: ' ' }, /no group/],
  ['files that are not JSON', { files: "['a']" }, /not JSON/],
  ['files that are no list', { files: '{"a": 1}' }, /no files/],
  ['no files', { files: '[]' }, /no files/],
  ['a file that is a number', { files: '[1]' }, /no path/],
  ['a relative path', { files: '["a.tif"]' }, /not absolute/],
  ['a path that climbs', { files: '["/data/demo/../other/a.tif"]' }, /parts such as/],
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
  for (const folder of ['demo', 'Project A', 'elsewhere', 'other']) await mkdir(join(base, folder));
  await writeFile(join(base, 'demo', 'a.tif'), '');
  await writeFile(join(base, 'Project A', 'b.tif'), '');
  await writeFile(join(base, 'elsewhere', 'c.tif'), '');
  await writeFile(join(base, 'other', 'd.tif'), '');
  await symlink('/etc/passwd', join(base, 'demo', 'link.tif'));
  const mappings = join(base, 'mappings.json');
  await writeFile(mappings, JSON.stringify({ '5': { folder: 'Project A', groupName: 'mapped' } }));
  const storage = { baseDir: base, mappingFiles: [mappings] };
  const groups = async (): Promise<string[]> => ['demo', 'mapped', 'other', '..'];
  let strict = false;
  const refusal = async (
    group: string,
    path: string,
    { id = null, archive = null }: { id?: number | null; archive?: string | null } = {},
  ): Promise<string | null> =>
    refusalOfFile(path, await allowedFolders(storage, strict, { id, name: group }, archive, groups), group);
  expect(await refusal('demo', join(base, 'demo', 'a.tif'))).toBeNull();
  expect(await refusal('mapped', join(base, 'Project A', 'b.tif'))).toBeNull();
  expect(await refusal('mapped', join(base, 'demo', 'a.tif'))).toMatch(/outside the folders of group mapped/);
  expect(await refusal('demo', join(base, 'Project A', 'b.tif'))).toMatch(/outside/);
  expect(await refusal('demo', join(base, 'demo', 'link.tif'))).toMatch(/outside/);
  expect(await refusal('demo', '/etc/passwd')).toMatch(/outside/);
  expect(await refusal('demo', join(base, 'demo', 'gone.tif'))).toBe('it does not exist');
  expect(await refusal('demo', join(base, 'demo', 'a\nb.tif'))).toMatch(/line break/);
  expect(await refusal('demo', join(base, 'elsewhere'))).toMatch(/neither a file/);
  // What nobody has is everybody's, unless the site is strict; a group's folder is never another's.
  expect(await refusal('demo', join(base, 'elsewhere', 'c.tif'))).toBeNull();
  expect(await refusal('demo', join(base, 'other', 'd.tif'))).toMatch(/outside/);
  expect(await refusal('other', join(base, 'other', 'd.tif'))).toBeNull();
  // A renamed group keeps its folder; an archive stays its group's when the folder was given to another one since.
  expect(await refusal('new name', join(base, 'Project A', 'b.tif'), { id: 5 })).toBeNull();
  expect(await refusal('demo', join(base, 'Project A', 'b.tif'), { archive: join(base, 'Project A') })).toBeNull();
  expect(await refusal('demo', '/etc/passwd', { archive: '/etc' })).toMatch(/outside/);
  strict = true;
  expect(await refusal('demo', join(base, 'elsewhere', 'c.tif'))).toMatch(/outside/);
  expect(await refusal('demo', join(base, 'demo', 'a.tif'))).toBeNull();
  await expect(refusal('../x', '/etc/passwd')).rejects.toMatchObject({ code: 'GROUP_FOLDER_OUTSIDE' });
});

test('what OMERO has decides; the process is believed only for reasons', () => {
  const there = new Map([
    ['/a', { filesetId: 1, imageIds: [10], plateIds: [] }],
    ['/b', { filesetId: 2, imageIds: [11, 12], plateIds: [] }],
  ]);
  const misplaced = new Map([['/e', 'a plate']]);
  const errors = [
    { file: '/a', reason: 'said to have failed' },
    { file: '/c', reason: 'no reader' },
  ];
  const results = mergeFound(['/a', '/b', '/c', '/d', '/e'], { there, misplaced }, errors, new Set(['/b']));
  expect(results.map((r) => [r.state, r.error])).toEqual([
    ['imported', null],
    ['already-there', null],
    ['failed', 'no reader'],
    ['failed', expect.stringContaining('no reason')],
    ['failed', 'a plate'],
  ]);
  expect(describeResults(results)).toMatch(/^2 of 5 files imported\. c: no reader; d: .*; e: a plate$/);
  expect(describeResults(['a', 'b', 'c', 'd', 'e\u001b[2J'].map((f) => failedFile(`/${f}`, 'x')))).toBe(
    '0 of 5 files imported. a: x; b: x; c: x; and 2 more',
  );
  expect(describeResults([failedFile('/e\u001b[2J\u202e', 'x')])).toBe('0 of 1 files imported. e\\u001b[2J\\u202e: x');
});

const fileset = { filesetId: 1, imageIds: [10], plateIds: [] as number[], datasetIds: [7] };

test.each<[string, 'Dataset' | 'Screen', object, 'there' | 'misplaced' | 'missing']>([
  ['images in the dataset', 'Dataset', {}, 'there'],
  ['images in another dataset', 'Dataset', { datasetIds: [8] }, 'missing'],
  ['no images', 'Dataset', { imageIds: [], datasetIds: [] }, 'missing'],
  ['a plate that was meant for a dataset', 'Dataset', { plateIds: [3], datasetIds: [] }, 'misplaced'],
  ['a plate', 'Screen', { plateIds: [3], datasetIds: [] }, 'there'],
  ['an image that was meant for a screen', 'Screen', { datasetIds: [] }, 'misplaced'],
  ['nothing in a screen', 'Screen', { imageIds: [], datasetIds: [] }, 'missing'],
  ['the images of a path that only begins like it', 'Dataset', { clientPath: 'd/exp10.tif' }, 'missing'],
])('a file with %s, ordered into a %s', (_, type, change, expected) => {
  const found = locateFiles({ type, id: 7 }, ['/d/exp1.tif'], [{ ...fileset, clientPath: 'd/exp1.tif', ...change }]);
  const state = found.there.has('/d/exp1.tif') ? 'there' : found.misplaced.has('/d/exp1.tif') ? 'misplaced' : 'missing';
  expect(state).toBe(expected);
});

test('a good fileset counts, whatever other attempts left', () => {
  const known = { ...fileset, clientPath: 'a' };
  const ghost = { ...known, filesetId: 2, imageIds: [], datasetIds: [] };
  for (const filesets of [
    [ghost, known],
    [known, ghost],
  ])
    expect(locateFiles({ type: 'Dataset', id: 7 }, ['/a'], filesets).there.get('/a')?.filesetId).toBe(1);
});

test('names that OMERO would store alike are told apart before the import, not after', () => {
  expect([...clashingNames(['/a/b:1.tif', '/a/c.tif', '/a/b;1.tif']).keys()]).toEqual(['/a/b;1.tif']);
});

test('a process that ended badly is no fault of the files that it did not come to', () => {
  const outcome = { exitCode: 11, killed: null, filesets: [], errors: [], stderrTail: 'x\nBad session key.\n' };
  expect(() => checkEnd(outcome, ['/a'], 3)).toThrow(/exit code 11 .* 1 of 3 files.*Bad session key/);
  expect(() => checkEnd({ ...outcome, exitCode: null, killed: 'SIGKILL' }, ['/a'], 3)).toThrow(/SIGKILL/);
  checkEnd(outcome, [], 3);
  checkEnd({ ...outcome, exitCode: 0 }, ['/a'], 3);
  checkEnd({ ...outcome, exitCode: 1, stderrTail: 'No imports found' }, ['/a'], 3);
});

test('an order fails of its own faults, waits for those of the site, and does not try for ever what nobody foresaw', () => {
  const own = bridgeError('OMERO_NOT_IN_GROUP', { user: 'u', group: 'g' });
  const site = bridgeError('IMPORT_PROGRAM_NOT_STARTED', { program: 'omero', reason: 'ENOENT' });
  expect(afterError(own, 1)).toBe('close');
  expect(afterError(site, 1_000)).toBe('later');
  expect(afterError(new TypeError('x'), 7)).toBe('later');
  expect(afterError(new TypeError('x'), 8)).toBe('close');
});

test('groups take turns, the oldest order of each first', () => {
  const waiting = ['a1', 'a2', 'a3', 'b1', 'c1', 'c2'].map((id) => ({ id, group: id[0] ?? '' }));
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
  await writeFile(join(folder, 'metadata.csv'), 'a,1\nb "x",2\na,3\n"open,4\n');
  expect(await readNearestMetadata(folder, folder)).toEqual([]);
  await writeFile(join(folder, 'metadata.csv'), 'a,1\nb "x",2\na,3\n');
  expect(await readNearestMetadata(folder, folder)).toEqual([
    ['a', '3'],
    ['b "x"', '2'],
  ]);
});
