import { z } from 'zod';
import { destinationTypes } from '../../domain/vocabulary.ts';

/** ISO 8601 in UTC. */
export const time = z.iso.datetime();
export const uuid = z.guid().meta({ description: 'lower-case hexadecimal with hyphens' });
export const omeroId = z.int().min(0);
export const count = z.int().min(0);
export const who = z.enum(['researcher', 'admin', 'it', 'developer']).meta({ description: 'who can put it right' });

export const place = z
  .object({ type: z.enum(destinationTypes), id: omeroId, name: z.string() })
  .meta({ description: 'a Dataset or Screen of OMERO' });

/** RFC 9457, with the registry's code. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string().meta({ description: 'what happened' }),
    status: z.int(),
    detail: z.string().meta({ description: 'what to do' }),
    code: z.string().meta({ description: 'stable, see docs/reference/errors.md' }),
    who,
  })
  .meta({ id: 'Problem' });

/** What somebody says who interferes; kept in the audit. */
export const reasonBody = z.object({ reason: z.string('say why').trim().min(1, 'say why').max(1_000) });

/** A path parameter's or query's whole number, as text. */
export const digits = (most: number): z.ZodString =>
  z.string().regex(new RegExp(`^\\d{1,${most}}$`), 'no whole number');
