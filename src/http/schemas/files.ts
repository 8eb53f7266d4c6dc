import { z } from 'zod';
import type { TablePage } from '../table.ts';
import { count, digits } from './common.ts';

const path = z.string().min(1).meta({ description: 'as `RunView.results` has it' });

export const fileQuery = z.object({ path });
export const previewSizes = [64, 320, 960] as const;
export const previewQuery = z.object({
  path,
  size: z.enum(['64', '320', '960']).optional().meta({ description: 'longest side in pixels; 320 unless given' }),
});
export const tableQuery = z.object({
  path,
  from: digits(9).optional().meta({ description: 'first row' }),
  sort: digits(9).optional().meta({ description: 'number of a column, from 0' }),
  order: z.enum(['ascending', 'descending']).optional(),
});
export const pointsQuery = z.object({ path, x: digits(9).optional(), y: digits(9).optional() });

export const tablePage = z.object({
  columns: z.array(
    z.object({
      name: z.string(),
      numeric: z.boolean(),
      min: z.number().nullable(),
      max: z.number().nullable(),
      mean: z.number().nullable(),
    }),
  ),
  total: count.meta({ description: 'rows of the whole table' }),
  from: count,
  rows: z.array(z.array(z.string())),
}) satisfies z.ZodType<TablePage>;
export const tablePoints = z.object({
  values: z.array(z.array(z.number())),
  total: count.meta({ description: 'rows that have all the values' }),
});
