import { expect, test } from 'vitest';
import { divideName, renamed, sourceOf } from './result-names.ts';

test('a name is divided at its first dot, and one of a hidden file is not', () => {
  expect(divideName('a.ome.tif')).toEqual({ file: 'a', ext: 'ome.tif' });
  expect(divideName('plain')).toEqual({ file: 'plain', ext: '' });
  expect(divideName('.hidden')).toEqual({ file: '.hidden', ext: '' });
});

test('a result belongs to the source whose name it begins with', () => {
  const sources = [{ name: 'cell1.tif' }, { name: 'cell10.tif' }, { name: 'cell1_b.ome.tif' }];
  const nameOf = (result: string): string | undefined => sourceOf(result, sources)?.name;
  expect(nameOf('cell1_mask.tif')).toBe('cell1.tif');
  expect(nameOf('cell10.tif')).toBe('cell10.tif');
  expect(nameOf('cell1_b.labels.tif')).toBe('cell1_b.ome.tif');
  expect(nameOf('cell11.tif')).toBeUndefined();
  expect(nameOf('other.tif')).toBeUndefined();
  // Any number of results may come from one image, but two images of one name cannot be told apart.
  expect(sourceOf('a_x.tif', [{ name: 'a.tif' }, { name: 'a.png' }])).toBeNull();
  expect(sourceOf('x.tif', [{ name: '.tif' }])).toBeNull();
});

test('the four variables of a pattern are put in, and nothing else is looked at', () => {
  expect(renamed('{original_file}_IMPORTED.{ext}', 'a_mask.ome.tif', null)).toBe('a_mask_IMPORTED.ome.tif');
  expect(renamed('{original_file}NucleiLabels.{ext}', 'a_mask.tif', 'a.czi')).toBe('aNucleiLabels.tif');
  expect(renamed('{file}-{original_ext}', 'a.tif', 'b.czi')).toBe('a-czi');
  expect(renamed('{file}.{ext}', 'plain', null)).toBe('plain');
  expect(renamed('{file.__class__} {0} {}', 'a.tif', null)).toBe('{file.__class__} {0} {}');
});
