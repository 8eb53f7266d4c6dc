import { z } from 'zod';
import { destinationTypes } from '../../domain/vocabulary.ts';
import { runStates } from '../../runs/list-runs.ts';
import { count, omeroId, place, uuid, who } from './common.ts';
import { delivered, deliveryBody } from './delivery.ts';

const name = z.string().trim().min(1).max(255);

export const importBody = z
  .object({
    job: z.int().min(1).meta({ description: 'id of the Slurm job' }),
    workflow: uuid
      .nullish()
      .meta({ description: 'the workflow run it belongs to; else as its data path or the log tell' }),
    task: uuid.nullish().meta({
      description:
        "the import task that BIOMERO's own orchestrator has added to the workflow and completes itself; else the task is ours",
    }),
    destination: z
      .object({ type: z.enum(destinationTypes), id: omeroId })
      .nullish()
      .meta({ description: 'where the images go; else a dataset of their own' }),
    delivery: deliveryBody.nullish(),
    user: name.nullish().meta({ description: 'OMERO user in whose name; else who started the workflow' }),
    group: name.nullish().meta({ description: 'group that the results belong to; else of the workflow' }),
    cleanup: z.boolean().default(false).meta({ description: "remove the job's data from the cluster afterwards" }),
    ended: z
      .boolean()
      .default(false)
      .meta({ description: 'the job ended well, though Slurm does not know it any more' }),
  })
  .meta({ id: 'ImportRequest' });

export const importState = z
  .object({
    run: uuid,
    job: count.nullable(),
    state: z.enum(runStates),
    finished: z.boolean().meta({ description: '`state` is done or failed' }),
    status: z.string().meta({ description: "BIOMERO's status" }),
    message: z.string().meta({ description: 'one sentence for people' }),
    archive: z.string().nullable().meta({ description: 'folder of the archive, once it is verified' }),
    destination: place.nullable(),
    imagesFound: count,
    imagesTotal: count.nullable(),
    error: z.object({ code: z.string(), message: z.string(), remedy: z.string(), who }).nullable(),
    delivered: delivered.nullable().meta({ description: 'what became of `delivery`' }),
    page: z.string().meta({ description: 'its page, below the address of the web role' }),
  })
  .meta({ id: 'ImportState' });

export const preflightBody = z.object({
  group: name.meta({ description: 'name of an OMERO group' }),
  user: name.nullish().meta({ description: 'OMERO user who must be a member of it' }),
});
export const preflightAnswer = z
  .object({
    ok: z.literal(true),
    group: z.string(),
    path: z.string().meta({ description: 'the folder that archives of the group go to' }),
    source: z.enum(['mapping', 'fallback']).meta({ description: '`fallback`: the group has no mapping' }),
    freeBytes: count.nullable(),
  })
  .meta({ id: 'StoragePreflight' });
