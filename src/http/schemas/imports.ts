import { z } from 'zod';
import { destinationTypes } from '../../domain/vocabulary.ts';
import { runStates } from '../../runs/list-runs.ts';
import { count, omeroId, place, uuid, who } from './common.ts';

const name = z.string().trim().min(1).max(255);

const target = z
  .union([
    z.object({ type: z.enum(['Image', 'Plate', 'Dataset', 'Project', 'Screen']), id: omeroId }),
    z.literal('destination'),
  ])
  .meta({ description: 'an object of OMERO, or where the images go' });
const targets = z.array(target).max(100).default([]);

const rois = z.object({
  sources: z
    .array(omeroId)
    .max(100_000)
    .default([])
    .meta({ description: "input images; empty: those that BIOMERO's log names" }),
  pattern: z.string().min(1).max(255).nullable().default(null).meta({
    description:
      "which results are label images, by name or path, with *, ?, [ab]; null: an image's only result, or the one named mask, label, segment, instance or prediction",
  }),
  shape: z.enum(['polygon', 'mask']).default('polygon'),
  prefix: z.string().max(200).default('').meta({ description: 'stands before the label in the name of a ROI' }),
  color: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i)
    .nullable()
    .default(null)
    .meta({ description: '#RRGGBB' }),
  clear: z
    .object({ containing: z.string().max(255) })
    .nullable()
    .default(null)
    .meta({ description: "the user's older ROIs whose names contain the text go, from images that get new ones" }),
});

const delivery = z
  .object({
    importImages: z.boolean().default(true).meta({ description: 'false: no image is imported' }),
    zip: targets.meta({ description: 'where all results hang as one zip' }),
    log: targets.meta({ description: "where the job's log hangs" }),
    tables: targets.meta({ description: 'where CSV files hang as OMERO.tables' }),
    files: targets.meta({ description: 'where files hang that are neither images nor CSV' }),
    sources: z.array(omeroId).max(100_000).nullable().default(null).meta({
      description:
        "input images that results of their name hang on; empty: those that BIOMERO's log names; null: results are not attached to them",
    }),
    rename: z.string().min(1).max(255).nullable().default(null).meta({
      description: 'names of images in OMERO: {file}, {ext}, {original_file}, {original_ext} are parts of the old ones',
    }),
    rois: rois.nullable().default(null).meta({
      description: 'ROIs that label images among the results become on the images that they were made from',
    }),
  })
  .meta({ id: 'Delivery', description: 'what is done with results beside importing their images' });

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
    delivery: delivery.nullish(),
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
    delivered: z
      .object({
        files: z.array(
          z.object({
            what: z.enum(['zip', 'log', 'table', 'file', 'image']),
            name: z.string(),
            to: z.object({ type: z.enum(['Image', 'Plate', 'Dataset', 'Project', 'Screen']), id: omeroId }),
            fileId: omeroId,
            annotationId: omeroId,
          }),
        ),
        renamed: count,
        rois: count,
        notDone: z.array(z.string()).meta({ description: 'what could not be done, for people' }),
      })
      .nullable()
      .meta({ description: 'what became of `delivery`' }),
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
