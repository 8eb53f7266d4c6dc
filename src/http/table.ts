import { parse } from 'csv-parse';
import { openArchived } from '../archive/open-below.ts';
import { bridgeError } from '../domain/errors.ts';

/** Larger tables are for a program; people download them. */
const mostBytes = 32 << 20;
const pageRows = 100;
const mostPoints = 5_000;

export interface TableColumn {
  name: string;
  /** Every value that is there is a number. */
  numeric: boolean;
  min: number | null;
  max: number | null;
  mean: number | null;
}

export interface TablePage {
  columns: TableColumn[];
  /** Rows of the whole table. */
  total: number;
  /** Place of the first row of this page. */
  from: number;
  rows: string[][];
}

/** A table of an archive: comma- or tab-separated, its first row the names of the columns. */
export class Table {
  readonly columns: TableColumn[];
  readonly #rows: string[][];

  private constructor(names: string[], rows: string[][]) {
    this.#rows = rows;
    this.columns = names.map((name, i) => describe(name, rows, i));
  }

  /** @throws TABLE_TOO_LARGE, TABLE_BROKEN, ARCHIVED_FILE_REFUSED */
  static async read(root: string, path: string): Promise<Table> {
    const file = await openArchived(root, path);
    try {
      const { size } = await file.stat();
      if (size > mostBytes) throw bridgeError('TABLE_TOO_LARGE', { path, limit: mostBytes / (1 << 20) });
      const parser = file.createReadStream({ autoClose: false }).pipe(
        parse({
          bom: true,
          delimiter: path.toLowerCase().endsWith('.tsv') ? '\t' : [',', ';', '\t'],
          relax_column_count: true,
          relax_quotes: true,
          skip_empty_lines: true,
          max_record_size: 1 << 20,
        }),
      );
      const rows: string[][] = [];
      for await (const row of parser) rows.push(row as string[]);
      const [names = [], ...values] = rows;
      return new Table(names, values);
    } catch (error) {
      if (error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_'))
        throw bridgeError('TABLE_BROKEN', { path, reason: error.message }, { cause: error });
      throw error;
    } finally {
      await file.close();
    }
  }

  /** A page in the table's own order, or sorted by a column; values that are missing come last. */
  page(from: number, sort: { column: number; descending: boolean } | null): TablePage {
    let rows = this.#rows;
    if (sort && this.columns[sort.column]) {
      const { column, descending } = sort;
      const sign = descending ? -1 : 1;
      const numeric = this.columns[column]?.numeric ?? false;
      const collator = new Intl.Collator('en', { numeric: true });
      rows = rows.toSorted((a, b) => {
        const [x, y] = [a[column] ?? '', b[column] ?? ''];
        if (isMissing(x) || isMissing(y)) return Number(isMissing(x)) - Number(isMissing(y));
        return sign * (numeric ? Number(x) - Number(y) : collator.compare(x, y));
      });
    }
    return { columns: this.columns, total: rows.length, from, rows: rows.slice(from, from + pageRows) };
  }

  /** Values of numeric columns, row by row where all have one; every so-manieth row of a long table. */
  points(columns: readonly number[]): { values: number[][]; total: number } {
    const all: number[][] = [];
    for (const row of this.#rows) {
      const values = columns.map((c) => (isMissing(row[c] ?? '') ? NaN : Number(row[c])));
      if (values.every((v) => Number.isFinite(v))) all.push(values);
    }
    const step = Math.max(1, all.length / mostPoints);
    const values = step === 1 ? all : Array.from({ length: mostPoints }, (_, i) => all[Math.floor(i * step)] ?? []);
    return { values, total: all.length };
  }
}

function describe(name: string, rows: readonly string[][], index: number): TableColumn {
  let [min, max, sum, count] = [Infinity, -Infinity, 0, 0];
  for (const row of rows) {
    const text = row[index] ?? '';
    if (isMissing(text)) continue;
    const value = Number(text);
    if (!Number.isFinite(value)) return { name, numeric: false, min: null, max: null, mean: null };
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count++;
  }
  return count === 0
    ? { name, numeric: false, min: null, max: null, mean: null }
    : { name, numeric: true, min, max, mean: sum / count };
}

function isMissing(text: string): boolean {
  return /^\s*(?:nan|na|n\/a|null|none)?\s*$/i.test(text);
}
