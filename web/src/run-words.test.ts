import { expect, test } from 'vitest';
import { stepNames, type StepName } from '../../src/domain/vocabulary.ts';
import type { RunState } from '../../src/runs/view.ts';
import { groupOf, hasBegun, runWord } from './run-words.ts';

const word = (state: RunState, status: string, found = 0, failed?: StepName): string => {
  const steps = stepNames.map((name) => ({ name, state: name === failed ? ('failed' as const) : ('done' as const) }));
  const { tone, icon, word: text } = runWord({ state, status, imagesFound: found, steps });
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
  expect(word('failed', 'IMPORT_FAILED', 0, 'import')).toBe('fail fail: Import failed');
  expect(word('failed', 'IMPORT_FAILED', 0, 'archive')).toBe('fail fail: Archive failed');
  expect(word('failed', 'IMPORT_FAILED', 9, 'import')).toBe('warn part: Partly imported');
  expect(word('failed', 'JOB_OUT_OF_MEMORY', 0, 'follow')).toBe('fail fail: Job failed');
  expect(word('failed', 'JOB_CANCELLED', 0, 'follow')).toBe('fail fail: Job cancelled');
  expect(word('given-up', 'FAILED', 9, 'import')).toBe('idle cancel: Given up');
  expect(word('failed', 'FAILED')).toBe('fail fail: Failed');
});

test('what needs someone stands apart', () => {
  expect((['attention', 'failed', 'running', 'done', 'given-up'] as const).map((state) => groupOf({ state }))).toEqual([
    'attention',
    'attention',
    'progress',
    'finished',
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
