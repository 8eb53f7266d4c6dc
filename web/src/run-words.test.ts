import { expect, test } from 'vitest';
import { groupOf, hasBegun, runWord } from './run-words.ts';

const word = (state: 'running' | 'attention' | 'failed' | 'done', status: string, found = 0): string => {
  const { tone, icon, word: text } = runWord({ state, status, imagesFound: found, imagesTotal: 12 });
  return `${tone} ${icon}: ${text}`;
};

test('a run says what it is doing', () => {
  expect(word('running', 'JOB_PENDING')).toBe('idle wait: In Slurm queue');
  expect(word('running', 'JOB_RUNNING')).toBe('run run: Job running');
  expect(word('running', 'IMPORTING', 3)).toBe('run run: Importing');
  expect(word('running', 'SOMETHING_NEW')).toBe('run run: In progress');
  expect(word('attention', 'IMPORTING')).toBe('warn warn: Waiting');
  expect(word('done', 'DONE', 12)).toBe('ok done: Done');
});

test('a failure says of what, and is partial when some images are in', () => {
  expect(word('failed', 'IMPORT_FAILED')).toBe('fail fail: Import failed');
  expect(word('failed', 'IMPORT_FAILED', 9)).toBe('warn part: Partly imported');
  expect(word('failed', 'JOB_OUT_OF_MEMORY')).toBe('fail fail: Job failed');
  expect(word('failed', 'JOB_CANCELLED')).toBe('fail fail: Job cancelled');
  expect(word('failed', 'FAILED')).toBe('fail fail: Failed');
});

test('what needs someone stands apart', () => {
  expect((['attention', 'failed', 'running', 'done'] as const).map((state) => groupOf({ state }))).toEqual([
    'attention',
    'attention',
    'progress',
    'finished',
  ]);
});

test('a job that waits has no log', () => {
  expect(['TRANSFERRING', 'JOB_PENDING', 'JOB_RUNNING', 'JOB_FAILED', 'DONE'].map(hasBegun)).toEqual([
    false,
    false,
    true,
    true,
    true,
  ]);
});
