import { z } from 'zod';
import type { Delivered } from '../../runs/delivery.ts';
import type { DeliveryView } from '../../runs/view.ts';
import { count, omeroId } from './common.ts';

const object = z.object({ type: z.enum(['Image', 'Plate', 'Dataset', 'Project', 'Screen']), id: omeroId });

const target = z
  .union([object, z.literal('destination')])
  .meta({ description: 'an object of OMERO, or where the images go' });
const targets = z.array(target).max(100);

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

/** As somebody asks: what is left out has its default. */
export const deliveryBody = z
  .object({
    importImages: z.boolean().default(true).meta({ description: 'false: no image is imported' }),
    zip: targets.default([]).meta({ description: 'where all results hang as one zip' }),
    log: targets.default([]).meta({ description: "where the job's log hangs" }),
    tables: targets.default([]).meta({ description: 'where CSV files hang as OMERO.tables' }),
    files: targets.default([]).meta({ description: 'where files hang that are neither images nor CSV' }),
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

const deliveredFile = z
  .object({
    what: z.enum(['zip', 'log', 'table', 'file', 'image']),
    name: z.string(),
    to: object,
    fileId: omeroId,
    annotationId: omeroId,
  })
  .meta({ id: 'DeliveredFile' });

const notDone = z.array(z.string()).meta({ description: 'what could not be done, and why, for people' });

export const delivered = z.object({
  files: z.array(deliveredFile),
  renamed: count,
  rois: count,
  notDone,
}) satisfies z.ZodType<Delivered>;

export const deliveryView = z
  .object({
    wishes: z.array(
      z.object({
        what: z.string().meta({ description: 'what was asked for, in words' }),
        where: z.string().nullable().meta({ description: 'on which objects of OMERO' }),
        became: z.string().nullable().meta({ description: 'what became of it; null: nothing yet' }),
        files: z.array(deliveredFile).meta({ description: 'what was attached for it' }),
      }),
    ),
    notDone,
    finished: z.boolean().meta({ description: 'it was done, as far as it could be' }),
  })
  .meta({
    id: 'DeliveryView',
    description: 'what was asked for beside importing the images, and what became of it',
  }) satisfies z.ZodType<DeliveryView>;
