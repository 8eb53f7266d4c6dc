import { expect, test } from 'vitest';
import type { StepName } from '../domain/vocabulary.ts';
import type { ArchiveRow, StepRow } from './read-runs.ts';
import type { Run } from './run.ts';
import { runSentence } from './sentence.ts';

const run = {
  job: { id: 12, state: 'RUNNING', exit: null, node: null, endedAt: null },
  destination: { type: 'Dataset', id: 1, name: 'x' },
  imagesConfirmedAt: null,
  annotatedAt: null,
  outcome: null,
  attention: null,
  failure: null,
} as Run;
const archive = { files: 12, kept: true } as ArchiveRow;
const fetched = { files: 12, kept: false } as ArchiveRow;
const step = (name: StepName, state: StepRow['state'], filesDone: number | null, filesTotal: number | null): StepRow =>
  ({ step: name, state, filesDone, filesTotal }) as StepRow;
const now = new Date(0);

test.each<[string, string]>([
  [runSentence({ ...run, job: null }, [], null), 'Sending the images to the cluster.'],
  [
    runSentence({ ...run, job: { ...(run.job as NonNullable<Run['job']>), state: 'PENDING' } }, [], null),
    'Job 12 is queued.',
  ],
  [runSentence(run, [], null), 'Job 12 is running.'],
  [runSentence(run, [step('archive', 'running', 3, 12)], null), 'Bringing the results home, 3 of 12 files.'],
  [
    runSentence(run, [step('import', 'waiting', null, null)], archive),
    'Archived 12 of 12 files; placing the upload order.',
  ],
  [
    runSentence(run, [step('import', 'running', 3, 12)], archive),
    'Archived 12 of 12 files; importing 3 of 12 into dataset 1.',
  ],
  [
    runSentence(
      { ...run, imagesConfirmedAt: now, annotatedAt: now, outcome: 'done' },
      [step('import', 'done', 12, 12)],
      archive,
    ),
    'Archived 12 of 12 files; 12 of 12 images are in dataset 1.',
  ],
  [
    runSentence({ ...run, outcome: 'done' }, [step('import', 'waiting', null, null)], archive),
    'Archived 12 of 12 files; no image is among the results, so there is nothing to import.',
  ],
  [
    runSentence(run, [step('import', 'running', 3, 12)], fetched),
    'Fetched 12 of 12 files; uploading 3 of 12 into dataset 1.',
  ],
  [
    runSentence({ ...run, outcome: 'done' }, [step('import', 'waiting', null, null)], fetched),
    'Fetched 12 of 12 files; no image is among them; they are attached to dataset 1.',
  ],
  [
    runSentence({ ...run, attention: { code: 'X', detail: 'The storage is full.' } }, [], null),
    'Job 12 is running. Waiting: The storage is full.',
  ],
  [
    runSentence(
      { ...run, outcome: 'failed', failure: { message: '9 of 12 images could not be imported.' } as Run['failure'] },
      [step('import', 'failed', 3, 12)],
      archive,
    ),
    'Archived 12 of 12 files; 3 of 12 images are in dataset 1. 9 of 12 images could not be imported.',
  ],
])('%s', (sentence, expected) => expect(sentence).toBe(expected));
