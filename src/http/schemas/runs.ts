import { z } from 'zod';
import { statuses, stepNames, type Recipe, type StepState } from '../../domain/vocabulary.ts';
import { runStates } from '../../runs/list-runs.ts';
import type { RunSummary, RunView } from '../../runs/view.ts';
import type { LogPiece } from '../job-log.ts';
import type { SeenRun } from '../seen-run.ts';
import { deliveryView } from './delivery.ts';
import { count, digits, omeroId, place, time, uuid, who } from './common.ts';

const state = z.enum(runStates).meta({
  description: '`attention` waits for somebody, and goes on by itself afterwards; `given-up` failed, and stays so',
});

const stepStates = ['waiting', 'running', 'done', 'failed', 'attention'] as const satisfies readonly StepState[];

const stepShape = { name: z.enum(stepNames), state: z.enum(stepStates) };

const summaryShape = {
  id: uuid,
  revision: count.meta({ description: 'rises with every change: keep the highest' }),
  workflow: z.string(),
  workflowVersion: z.string(),
  user: z.string(),
  group: z.string(),
  input: place.nullable(),
  destination: place.nullable(),
  jobId: count.nullable(),
  state,
  status: z.string().meta({ description: `BIOMERO's status, such as ${Object.values(statuses).join(', ')}` }),
  sentence: z.string().meta({ description: 'the status as one sentence for people' }),
  launchedAt: time,
  endedAt: time.nullable(),
  updatedAt: time,
  recipe: z.enum(['import-results', 'get-results'] as const satisfies readonly Recipe[]),
  steps: z.array(z.object(stepShape)).meta({ description: 'every step with its state, in the order of time' }),
  archiveSafe: z.boolean().meta({ description: 'the results are archived and verified' }),
  imagesFound: count.meta({ description: 'images found in OMERO' }),
  imagesTotal: count.nullable(),
};

export const runSummary = z.object(summaryShape).meta({ id: 'RunSummary' }) satisfies z.ZodType<RunSummary>;

const step = z
  .object({
    ...stepShape,
    attempt: count,
    startedAt: time.nullable(),
    endedAt: time.nullable(),
    filesDone: count.nullable(),
    filesTotal: count.nullable(),
    bytesDone: count.nullable(),
    bytesTotal: count.nullable(),
    detail: z.string(),
  })
  .meta({ id: 'Step' });

const failure = z
  .object({
    code: z.string(),
    step: z.enum(stepNames),
    message: z.string(),
    safe: z.string().meta({ description: 'what is safe, as a sentence' }),
    remedy: z.string(),
    who,
    retryable: z.boolean(),
    repeatable: z.boolean().meta({ description: 'the run can be opened again from this step' }),
    at: time,
  })
  .meta({ id: 'Failure' });

const result = z
  .object({
    path: z.string().meta({ description: 'relative to the archive' }),
    bytes: count,
    sha256: z.string(),
    kind: z.enum(['image', 'table', 'log', 'provenance', 'other']),
    import: z.enum(['none', 'waiting', 'imported', 'already-there', 'failed']),
    filesetId: omeroId.nullable(),
    imageIds: z.array(omeroId),
    plateIds: z.array(omeroId),
    error: z.string().nullable(),
  })
  .meta({ id: 'Result' });

const viewShape = z.object({
  ...summaryShape,
  owner: z.object({ user: z.object({ id: omeroId }), group: z.object({ id: omeroId }) }),
  taskId: uuid,
  parameters: z.record(z.string(), z.unknown()),
  inputImages: z.array(omeroId).nullable().meta({ description: 'null: all images of the input' }),
  archive: z.object({ path: z.string(), files: count, bytes: count, verifiedAt: time.nullable() }).nullable(),
  orders: z.array(
    z.object({ uuid: z.string(), stage: z.string(), description: z.string().nullable(), updatedAt: time }),
  ),
  steps: z.array(step),
  failure: failure.nullable(),
  results: z.array(result),
  delivery: deliveryView.nullable(),
  clusterData: z.object({
    path: z.string(),
    state: z.enum(['keep', 'remove', 'removed']),
    detail: z.string().nullable(),
  }),
}) satisfies z.ZodType<RunView>;

export const runView = viewShape
  .extend({
    mayChange: z.boolean().meta({ description: 'whoever asked may retry it, give it up or share it' }),
    shared: z
      .object({ by: z.string(), until: time })
      .nullable()
      .meta({ description: 'whose share link it is seen through; null for those who are signed in' }),
  })
  .meta({ id: 'RunView' }) satisfies z.ZodType<SeenRun>;

/** Filters of the list; each may be left out. */
export const runFilterQuery = z.object({
  state: z
    .string()
    .optional()
    .meta({ description: `some of ${runStates.join(', ')}, with commas between them` }),
  group: z.string().max(200).optional().meta({ description: 'exact name' }),
  user: z.string().max(200).optional().meta({ description: 'exact name' }),
  workflow: z.string().max(200).optional().meta({ description: 'exact name' }),
  text: z.string().max(200).optional().meta({
    description:
      "part of the workflow's, input's or destination's name, the beginning of the run's id, or the job's id",
  }),
});

export const runPage = z.object({
  runs: z.array(runSummary),
  next: uuid.nullable().meta({ description: '`cursor` of the next page' }),
});
export const runCounts = z.object({ running: count, attention: count, failed: count, done: count, 'given-up': count });
export const runNames = z.object({
  groups: z.array(z.string()),
  users: z.array(z.string()),
  workflows: z.array(z.string()),
});

export const logQuery = z.object({ from: digits(15).optional().meta({ description: 'offset in bytes' }) });
export const logPiece = z.object({
  from: count,
  next: count.meta({ description: '`from` of the next piece' }),
  size: count,
  text: z.string(),
  complete: z.boolean().meta({ description: 'the log cannot grow any more' }),
}) satisfies z.ZodType<LogPiece>;

const compared = z.union([z.string(), z.number(), z.null()]);

export const comparison = z
  .object({
    other: z
      .object({ id: uuid, launchedAt: time, user: z.string(), input: place.nullable() })
      .nullable()
      .meta({ description: 'the last run of the workflow that ended well before this one; null when there is none' }),
    rows: z.array(
      z.object({
        name: z.string(),
        about: z.enum(['version', 'parameter', 'count', 'duration']),
        unit: z.enum(['text', 'number', 'bytes', 'ms']),
        here: compared,
        there: compared,
        differs: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'Comparison' });
