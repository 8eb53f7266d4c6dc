import { z } from 'zod';
import type { WorkflowParameter } from '../../workflows/descriptor.ts';
import { count, omeroId, uuid } from './common.ts';
import { preflightAnswer } from './imports.ts';

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const parameter = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    type: z.enum(['integer', 'float', 'boolean', 'string']),
    default: value,
    optional: z.boolean(),
    choices: z.array(z.object({ value: z.union([z.string(), z.number()]), label: z.string() })).nullable(),
    minimum: z.number().nullable(),
    maximum: z.number().nullable(),
  })
  .meta({ id: 'Parameter' }) satisfies z.ZodType<Omit<WorkflowParameter, 'flag' | 'style' | 'choices'>>;

const workflowSummary = z
  .object({
    name: z.string(),
    version: z.string(),
    title: z.string(),
    description: z.string(),
    problem: z.string().nullable().meta({ description: 'why it cannot be started; null: it can' }),
  })
  .meta({ id: 'WorkflowSummary' });

export const workflowList = z.object({ workflows: z.array(workflowSummary) });
export const workflowView = workflowSummary.extend({
  described: z.boolean().meta({ description: 'false: it has no descriptor, and any parameter is handed on' }),
  parameters: z.array(parameter),
});

export const startBody = z
  .object({
    workflow: z.string().min(1).max(200),
    dataset: omeroId.nullish().meta({ description: 'id of a dataset' }),
    images: z.array(omeroId).min(1).max(10_000).nullish().meta({ description: 'ids of images of one dataset' }),
    parameters: z.record(z.string().max(200), value).default({}),
    id: z
      .string()
      .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'no UUID')
      .optional()
      .meta({ description: 'id of the new run: the same request twice is one run' }),
  })
  .refine((body) => (body.dataset ?? body.images ?? null) !== null, 'name a dataset or images')
  .meta({ id: 'StartRequest' });

export const startCheck = z.object({
  workflow: z.string(),
  version: z.string(),
  dataset: z.object({ id: omeroId, name: z.string() }),
  images: count.meta({ description: 'how many images are analysed' }),
  user: z.string().meta({ description: 'in whose name it would run' }),
  group: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  storage: preflightAnswer.nullable().meta({ description: 'where its results would go; null: into OMERO alone' }),
});
export const started = z.object({ id: uuid });
