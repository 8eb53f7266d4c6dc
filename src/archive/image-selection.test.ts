import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { imagesAmong, kindOf, selectImages } from './image-selection.ts';

const files = [
  'a.TIF',
  'b.ome.tiff',
  'sub/c.Png',
  'table.csv',
  'notes.txt',
  'tif',
  '.hidden.tif',
  '.cache/d.tif',
  'e.zarr/.zattrs',
  'e.zarr/0/0/0',
  'e.zarr/labels/cells/preview.png',
  'sub/F.OME.ZARR/0/c/0.tif',
  '.g.zarr/0',
  'h.zarr',
  'name with space.dcm',
];
const images = ['a.TIF', 'b.ome.tiff', 'e.zarr', 'h.zarr', 'name with space.dcm', 'sub/F.OME.ZARR', 'sub/c.Png'];

test('the folder and the list of its files give the same images', async () => {
  const root = await temporaryFolder('images');
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), 'x');
  }
  await mkdir(join(root, 'empty.zarr'));
  await symlink('/', join(root, 'everything'));
  await symlink(join(root, 'a.TIF'), join(root, 'link.tif'));
  expect(await selectImages(root)).toEqual(images.map((i) => join(root, i)).sort());
  expect(imagesAmong(files)).toEqual(images);
});

test.each([
  ['12_out/data/out/a.tif', 'image'],
  ['12_out/data/out/x.zarr/.zattrs', 'image'],
  ['12_out/data/out/a.csv', 'table'],
  ['12_out/data/out/run.LOG', 'log'],
  ['12_out/data/out/metadata.csv', 'table'],
  ['12_out/data/out/model.pth', 'other'],
  ['12_out/data/out/.a.tif', 'other'],
  ['12_out/metadata.csv', 'provenance'],
  ['ro-crate-metadata.json', 'provenance'],
  ['omero-12.log', 'log'],
  ['12_out.zip', 'other'],
  ['a.tif', 'other'],
])('%s is of the kind %s', (path, kind) => {
  expect(kindOf(path)).toBe(kind);
});
