import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { RunView } from '../../runs/view.ts';

/** Rows of the run's archived `measurements.csv`: one per nucleus that the sample workflow found. */
export async function countMeasured(view: RunView): Promise<number> {
  const table = view.results.find((r) => r.path.endsWith('/measurements.csv'));
  if (!view.archive || !table) return 0;
  const text = await readFile(join(view.archive.path, table.path));
  return parse(text, { columns: true }).length;
}
