import { expect, test } from 'vitest';
import { labelImagesAmong } from './label-images.ts';

const a = { id: 1, name: 'a.tif' };
const mask = { id: 2, name: 'mask7.tif' };
const sources = [a, mask];
const out = (name: string): string => `12_out/data/out/${name}`;

test('without a pattern, the only result of an image or the one that is named so', () => {
  const paths = ['a_cells.tif', 'deep/mask7_raw.tif', 'mask7_Label.tif', 'other.tif'].map(out);
  expect(labelImagesAmong(paths, sources, null)).toEqual({
    found: [
      { path: out('a_cells.tif'), source: a },
      { path: out('mask7_Label.tif'), source: mask },
    ],
    passedOver: ['other.tif became no ROIs: its name does not tell which image it was made from.'],
  });
});

test('nothing is guessed between two, or among none', () => {
  const two = labelImagesAmong(['a_mask1.tif', 'a_mask2.tif', 'a.tif'].map(out), sources, null);
  expect(two).toEqual({
    found: [],
    passedOver: ['Image 1 got no ROIs: 2 of its 3 results are named as a label image.'],
  });
  // The word in the image's own name is none of its results'.
  const none = labelImagesAmong(['mask7_a.tif', 'mask7_b.tif'].map(out), sources, null);
  expect(none.passedOver).toEqual(['Image 2 got no ROIs: none of its 2 results is named as a label image.']);
});

test('a pattern is of names and of paths below the results, and all that fit are taken', () => {
  const paths = ['a_1.tif', 'deep/a_2.tif', 'a.png'].map(out);
  const of = (pattern: string) => labelImagesAmong(paths, sources, pattern).found.map((image) => image.path);
  expect(of('*.tif')).toEqual(paths.slice(0, 2));
  expect(of('deep/*')).toEqual([out('deep/a_2.tif')]);
  expect(labelImagesAmong(paths, sources, '*.jpg').passedOver).toEqual([
    "No ROIs were made: no result is named like '*.jpg'.",
  ]);
});

test('where there is one input image, every result was made from it', () => {
  expect(labelImagesAmong([out('labels.tif')], [a], null).found).toEqual([{ path: out('labels.tif'), source: a }]);
  expect(labelImagesAmong([out('labels.tif')], [], null).found).toEqual([]);
});
