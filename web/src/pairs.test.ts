import { expect, test } from 'vitest';
import { imageNameOf } from '../../src/previews/image-names.ts';
import { pairImages } from './pairs.ts';

const paired = (...paths: string[]): [string, string | null][] =>
  pairImages(paths.map((path) => ({ path }))).map((i) => [i.image.path, i.labels?.path ?? null]);

test('labels lie over the image that they are named after', () => {
  expect(paired('out/a.tif', 'out/a_cp_masks.tif', 'out/b.ome.tif', 'out/b_labels.ome.tif')).toEqual([
    ['out/a.tif', 'out/a_cp_masks.tif'],
    ['out/b.ome.tif', 'out/b_labels.ome.tif'],
  ]);
});

test('labels without their image, and images without labels, stand alone', () => {
  expect(paired('a_labels.tif', 'c.tif', 'other/a.tif')).toEqual([
    ['a_labels.tif', null],
    ['c.tif', null],
    ['other/a.tif', null],
  ]);
});

test('a name that is nothing but the word is an image of its own', () => {
  expect(imageNameOf('out/labels.tif')).toBeNull();
  expect(imageNameOf('cells.tif')).toBeNull();
  expect(imageNameOf('out/cells-mask.png')).toBe('out/cells');
});

test('labels whose image is not among the results ask for it', () => {
  const alone = pairImages([{ path: 'a_labels.tif' }, { path: 'c.tif' }, { path: 'd.tif' }, { path: 'd_mask.tif' }]);
  expect(alone.map((i) => [i.image.path, i.alone])).toEqual([
    ['a_labels.tif', true],
    ['c.tif', false],
    ['d.tif', false],
  ]);
});
