import { expect, test } from 'vitest';
import type { RunView } from '../runs/view.ts';
import { runReport } from './run-report.ts';

const view: RunView = {
  id: 'b0b6d9c5-4f3d-4c53-9f5c-6a4fd0f3c9a1',
  revision: 1,
  workflow: 'nuclei',
  workflowVersion: '1',
  user: 'u',
  group: 'g',
  input: null,
  destination: null,
  jobId: 7,
  state: 'running',
  status: 'IMPORTED',
  sentence: 'Annotating.',
  launchedAt: '2026-01-01T00:00:00Z',
  endedAt: null,
  updatedAt: '2026-01-01T00:00:00Z',
  archiveSafe: false,
  imagesFound: 0,
  imagesTotal: null,
  owner: { user: { id: 1 }, group: { id: 1 } },
  taskId: 't',
  recipe: 'import-results',
  parameters: {},
  inputImages: null,
  archive: null,
  orders: [],
  steps: [],
  failure: null,
  results: [],
  clusterData: { path: 'data', state: 'keep', detail: null },
  delivery: null,
};

const report = (more: Partial<RunView>): string[] =>
  runReport({ ...view, ...more }, null, null)
    .split('\n')
    .slice(2);

test('a run that was asked for nothing beside the import says nothing of it', () => {
  expect(report({})).toEqual([]);
});

test('what was asked for is said with what became of it, and names do no harm to a terminal', () => {
  const to = { type: 'Dataset', id: 3 } as const;
  const files = Array.from({ length: 12 }, (_, i) => ({
    what: 'file' as const,
    name: `${i}\n\u001b[31m.json`,
    to,
    fileId: i,
    annotationId: i,
  }));
  const wishes = [
    { what: 'Other files', where: 'Dataset 3', became: '12 files attached', files },
    { what: 'Images renamed to \u202ex', where: null, became: '1 image renamed', files: [] },
  ];
  const lines = report({ delivery: { wishes, notDone: ['a\nb was not attached.', 'c was not.'], finished: true } });
  expect(lines).toEqual([
    'Asked for  Other files, on Dataset 3: 12 files attached',
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `             ${i} \\u001b[31m.json  Dataset 3`),
    '             and 2 more',
    '           Images renamed to \\u202ex: 1 image renamed',
    'Not done   a b was not attached.',
    '           c was not.',
  ]);
});

test.each([
  ['running', null, 'not yet'],
  ['attention', null, 'not yet'],
  ['failed', '2026-01-01T00:01:00Z', 'not done'],
  ['given-up', '2026-01-01T00:01:00Z', 'not done'],
] as const)('of a run that is %s (ended: %s) nothing was done: %s', (state, endedAt, word) => {
  const wishes = [{ what: "The job's log", where: 'Dataset 3', became: null, files: [] }];
  const lines = report({ state, endedAt, delivery: { wishes, notDone: [], finished: false } });
  expect(lines).toEqual([`Asked for  The job's log, on Dataset 3: ${word}`]);
});
