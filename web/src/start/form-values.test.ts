import { expect, test } from 'vitest';
import { firstValues, inputOf, newId, valuesOf } from './form-values.ts';

const parameter = { name: '', description: '', optional: true, choices: null, minimum: null, maximum: null };
const workflow = {
  parameters: [
    { ...parameter, id: 'size', type: 'integer' as const, default: 3 },
    { ...parameter, id: 'mode', type: 'string' as const, default: null },
    { ...parameter, id: 'limit', type: 'float' as const, default: null },
  ],
};

test.each([
  ['dataset', ' 12 ', { dataset: 12 }],
  ['dataset', 'Dataset:12', { dataset: 12 }],
  ['images', '3, 4 5;6', { images: [3, 4, 5, 6] }],
  ['images', 'Image:3|image-4', { images: [3, 4] }],
] as const)('%s "%s" is understood', (of, ids, expected) => {
  expect(inputOf({ of, ids })).toEqual(expected);
});

test.each([
  ['dataset', ''],
  ['dataset', '1 2'],
  ['dataset', 'nuclei'],
  ['images', '1, x'],
  ['images', '-1'],
  ['images', '1.5'],
] as const)('%s "%s" is refused with a sentence', (of, ids) => {
  expect(inputOf({ of, ids })).toMatch(/\.$/);
});

test('the form starts with the defaults, and sends nothing for what is empty', () => {
  const values = firstValues(workflow);
  expect(values.parameters).toEqual({ size: '3', mode: '', limit: '' });
  expect(valuesOf(workflow, values)).toEqual({ size: '3', mode: '', limit: null });
});

test('ids are UUIDs, each another', () => {
  const ids = Array.from({ length: 100 }, newId);
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
