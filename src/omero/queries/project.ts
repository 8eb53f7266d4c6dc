import { IceMarshalError } from '../ice/values.ts';
import type { IceObject } from '../ice/values.ts';
import type { CallOptions, OmeroLink } from '../link.ts';
import { unwrap, wrap, type QueryValue } from '../rtypes.ts';

/** Ids or paths per query: OMERO turns a list into that many SQL parameters. */
const batchSize = 500;

/** Parameters object of a query, from plain values. */
export function parameters(values: Readonly<Record<string, QueryValue>>): IceObject {
  const map = new Map(Object.entries(values).map(([name, value]) => [name, wrap(value)]));
  return { $type: '::omero::sys::Parameters', map, theFilter: null, theOptions: null };
}

/** Runs a projection, by default over all groups, and returns its rows with plain values. */
export async function project(
  link: OmeroLink,
  hql: string,
  values: Readonly<Record<string, QueryValue>>,
  options: CallOptions = { group: 'all' },
): Promise<unknown[][]> {
  const rows = await link.call('IQuery', 'projection', [hql, parameters(values)], options);
  return (rows as IceObject[][]).map((row) => row.map(unwrap));
}

/** Runs a projection once per batch of a long list, and returns the rows of all. An empty list asks nothing. */
export async function projectEach(
  link: OmeroLink,
  hql: string,
  name: string,
  list: readonly number[] | readonly string[],
  values: Readonly<Record<string, QueryValue>> = {},
): Promise<unknown[][]> {
  const distinct = [...new Set<number | string>(list)];
  const rows: unknown[][] = [];
  for (let at = 0; at < distinct.length; at += batchSize) {
    const batch = distinct.slice(at, at + batchSize) as number[] | string[];
    rows.push(...(await project(link, hql, { ...values, [name]: batch })));
  }
  return rows;
}

/** A column that must hold an id or a count. Throws IceMarshalError otherwise, as for any answer that does not fit. */
export function numberAt(row: readonly unknown[], column: number): number {
  const value = row[column];
  if (typeof value !== 'number') throw new IceMarshalError(`column ${column + 1} of a row is no number`);
  return value;
}

/** A column of text; null becomes an empty text. */
export function textAt(row: readonly unknown[], column: number): string {
  const value = row[column] ?? '';
  if (typeof value !== 'string') throw new IceMarshalError(`column ${column + 1} of a row is no text`);
  return value;
}

/** Groups rows by the number in their first column. */
export function rowsById(rows: readonly unknown[][]): Map<number, unknown[][]> {
  const groups = new Map<number, unknown[][]>();
  for (const row of rows) {
    const id = numberAt(row, 0);
    const group = groups.get(id);
    if (group) group.push(row);
    else groups.set(id, [row]);
  }
  return groups;
}
