import { expect, test } from 'vitest';
import type { RunSummary, RunView } from '../../src/runs/view.ts';
import { mergeSummaries, newerView } from './merge.ts';

const run = (id: string, revision: number, launchedAt: string): RunSummary =>
  ({ id, revision, launchedAt }) as RunSummary;

test('an older snapshot that arrives late changes nothing', () => {
  const old = { id: 'a', revision: 5 } as RunView;
  expect(newerView(old, { id: 'a', revision: 4 } as RunView)).toBe(old);
  expect(newerView(old, { id: 'a', revision: 5, sentence: 'x' } as RunView).sentence).toBe('x');
  expect(newerView(old, { id: 'b', revision: 1 } as RunView).id).toBe('b');
});

test('summaries keep their newest revision and stand newest first', () => {
  const merged = mergeSummaries(
    [run('a', 3, '1'), run('b', 1, '2')],
    [run('a', 2, '1'), run('b', 2, '2'), run('c', 1, '3')],
  );
  expect(merged.map((r) => [r.id, r.revision])).toEqual([
    ['c', 1],
    ['b', 2],
    ['a', 3],
  ]);
});
