import { expect, test } from 'vitest';
import { didYouMean, nearestName } from './did-you-mean.ts';

const known = ['max_workers', 'base_dir', 'slurm_data_path', 'slurm_script_path'];

test.each([
  ['max_worker', 'max_workers'],
  ['MAX_WORKRES', 'max_workers'],
  ['base-dir', 'base_dir'],
  ['slurm_scripts_path', 'slurm_script_path'],
  ['annotation', null],
  ['x', null],
])('%s', (name, expected) => {
  expect(nearestName(name, known)).toBe(expected);
  expect(didYouMean(name, known)).toBe(expected ? ` Did you mean ${expected}?` : '');
});
