import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readStore } from './read-store.ts';
import { imageFiles, plateFiles, writeFiles, type Files } from './testing.ts';
import { BadStore } from './zarr-node.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-zarr-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function store(files: Files, name = 'store.zarr'): Promise<string> {
  return writeFiles(join(folder, name), files);
}

async function refusal(files: Files): Promise<string> {
  const path = await store(files);
  const error: unknown = await readStore(path).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(BadStore);
  return (error as Error).message;
}

test('an image without a single chunk is read', async () => {
  const found = await readStore(await store(imageFiles()));
  expect(found.kind === 'images' && found.images[0]?.metadata.size).toEqual({ x: 32, y: 16, z: 1, c: 1, t: 1 });
});

test.each([
  ['no .zgroup', { ...imageFiles(), '.zgroup': undefined }, '.zattrs but no .zgroup'],
  ['nothing at all', { 'readme.txt': 'x' }, 'it has no zarr metadata'],
  ['a bare array', { '.zarray': { shape: [1], dtype: '<u2' } }, 'a bare array'],
  ['metadata that are no JSON', { ...imageFiles(), '.zattrs': '{' }, '.zattrs is not valid JSON'],
  ['an array that is not there', { ...imageFiles(), '0/.zarray': undefined }, 'the array 0 that its metadata name'],
  ['no datasets', { ...imageFiles('', { multiscales: [{ datasets: [] }] }) }, 'name no dataset'],
  ['an axis that OMERO lacks', imageFiles('', withAxes(['y', 'q'])), 'it has the axis "q"'],
  ['fewer axes than dimensions', imageFiles('', {}, { shape: [2, 3, 4] }), '2 axes, its array has 3 dimensions'],
  ['a length of 0', imageFiles('', {}, { shape: [0, 4] }), 'the length 0'],
  ['pixels of 64 bits', imageFiles('', {}, { dtype: '<i8' }), 'type <i8, which OMERO does not have'],
  ['structured pixels', imageFiles('', {}, { dtype: [['a', '<u2']] }), 'a type of values that OMERO does not have'],
  ['an absolute path', imageFiles('', withPath('/etc')), 'name a part outside of it'],
  ['a path that leads out', imageFiles('', withPath('../other.zarr/0')), 'name a part outside of it'],
  ['labels alone', { '.zgroup': { zarr_format: 2 }, '.zattrs': { labels: ['nuclei'] } }, 'a list of labels'],
  [
    'a series without images',
    { '.zgroup': { zarr_format: 2 }, '.zattrs': { 'bioformats2raw.layout': 3 } },
    'no series',
  ],
  ['zarr format 4', { 'zarr.json': { zarr_format: 4, node_type: 'group' } }, 'zarr format 4'],
])('a store with %s is refused with that reason', async (_, files, reason) => {
  expect(await refusal(defined(files))).toContain(reason);
});

test('a plate with absent wells, or wells outside of it, or without wells is refused', async () => {
  const files: Record<string, unknown> = { ...plateFiles(2, 2) };
  for (const path of Object.keys(files)) if (path.startsWith('B/')) delete files[path];
  expect(await refusal(files)).toBe('2 of 4 wells of the plate are not there (B/1, B/2)');
  const beyond = [{ path: 'A/1', rowIndex: 7, columnIndex: 0 }];
  expect(await refusal(plateFiles(2, 2, { wells: beyond }))).toContain('lies outside');
  expect(await refusal(plateFiles(1, 1, { wells: [] }))).toContain('lists no wells');
});

test('a well that is listed twice is one well', async () => {
  const twice = [
    { path: 'A/1', rowIndex: 0, columnIndex: 0 },
    { path: 'A/1', rowIndex: 0, columnIndex: 0 },
  ];
  const found = await readStore(await store(plateFiles(1, 1, { wells: twice })));
  expect(found.kind === 'plate' && found.plate.wells.length).toBe(1);
});

test('a link out of the store is refused', async () => {
  const path = await store(imageFiles());
  await rm(join(path, '0'), { recursive: true });
  const secret = await writeFiles(join(folder, 'secret'), { '.zarray': { shape: [1, 1], dtype: '|u1' } });
  await symlink(secret, join(path, '0'));
  await expect(readStore(path)).rejects.toThrow('it lies outside');
});

test('a label without its source image is an image like any other', async () => {
  const path = await store({
    '.zgroup': { zarr_format: 2 },
    ...imageFiles('labels/cells', { 'image-label': { source: { image: '../../../gone' } } }),
  });
  const found = await readStore(join(path, 'labels', 'cells'));
  expect(found.kind === 'images' && found.images[0]?.name).toBe('store [cells]');
});

test('series are named as their OME-XML says', async () => {
  const xml = `<OME><Image ID="Image:0" Name="left &amp; right"><Pixels/></Image><Image ID='Image:1'></Image></OME>`;
  const path = await store({
    '.zgroup': { zarr_format: 2 },
    '.zattrs': { 'bioformats2raw.layout': 3 },
    ...imageFiles('0'),
    ...imageFiles('1'),
    'OME/METADATA.ome.xml': xml,
  });
  const found = await readStore(path);
  expect(found.kind === 'images' && found.images.map((i) => i.name)).toEqual(['store [left & right]', 'store [1]']);
});

test.each([
  ['genome.zarr', 'genome'],
  ['genome.ome.zarr', 'genome'],
  ['some_home.ome.zarr', 'some_home'],
  ['a.b.OME.ZARR', 'a.b'],
])('%s is named %s', async (file, name) => {
  const found = await readStore(await store(imageFiles(), file));
  expect(found.kind === 'images' && found.images[0]?.name).toBe(name);
});

test('values that no JSON has, in fill values, do no harm', async () => {
  const array = '{"zarr_format":2,"shape":[2,2],"chunks":[2,2],"dtype":"<f4","fill_value":NaN}';
  const found = await readStore(await store({ ...imageFiles(), '0/.zarray': array }));
  expect(found.kind === 'images' && found.images[0]?.metadata.pixelsType).toBe('float');
});

test('whatever stands in the metadata, the answer is an image or a reason', async () => {
  const path = await store(imageFiles());
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(...keys), async (value, key) => {
      const { '.zattrs': attributes } = imageFiles();
      await writeFile(join(path, '.zattrs'), JSON.stringify(replaced(attributes, key, value)));
      await readStore(path).catch((error: unknown) => expect(error).toBeInstanceOf(BadStore));
    }),
    { numRuns: 150 },
  );
});

const keys = [
  'multiscales',
  'axes',
  'datasets',
  'path',
  'coordinateTransformations',
  'omero',
  'plate',
  'well',
] as const;

/** Every member of this name, however deep; at the top when there is none. */
function replaced(value: unknown, key: string, by: unknown): unknown {
  if (Array.isArray(value)) return value.map((v) => replaced(v, key, by));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([k, v]) => [k, k === key ? by : replaced(v, key, by)]);
  return Object.fromEntries('multiscales' in value && !(key in value) ? [...members, [key, by]] : members);
}

function withAxes(names: string[]): Record<string, unknown> {
  return { multiscales: [{ axes: names.map((name) => ({ name })), datasets: [{ path: '0' }] }] };
}

function withPath(path: string): Record<string, unknown> {
  return { multiscales: [{ axes: [{ name: 'y' }, { name: 'x' }], datasets: [{ path }] }] };
}

function defined(files: Files): Files {
  return Object.fromEntries(Object.entries(files).filter(([, content]) => content !== undefined));
}
