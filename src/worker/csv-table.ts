/** A CSV file as the columns of an OMERO.table. Pure. */
import { parse } from 'csv-parse/sync';
import type { TableColumn } from '../omero/queries/tables.ts';

/** Rows of a table that is still made; a larger file is attached as it is. */
export const mostRows = 1_000_000;

/**
 * The first line names the columns. A column of whole numbers, of numbers, or of true and false is one of those; any
 * other is text. An empty field among numbers is no number. Throws with the reason for what is no such table.
 */
export function csvColumns(text: string): TableColumn[] {
  const [head, ...rows] = parse(text, { bom: true, skip_empty_lines: true, relax_column_count: false });
  if (!head) throw new Error('it is empty');
  if (rows.length > mostRows) throw new Error(`it has ${rows.length} rows, and a table at most ${mostRows}`);
  const names = new Set<string>();
  return head.map((given, at) => {
    const wanted = given.trim() === '' ? `column ${at + 1}` : given.trim();
    let name = wanted;
    for (let n = 2; names.has(name); n++) name = `${wanted} ${n}`;
    names.add(name);
    return column(
      name,
      rows.map((row) => row[at] ?? ''),
    );
  });
}

const whole = /^[+-]?\d{1,15}$/;
/** More digits than a number here can hold: an identifier, as a rule. */
const tooLong = /^[+-]?\d{16,}$/;
const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const noNumber = /^(?:nan|na|n\/a|)$/i;
const infinite = /^([+-]?)inf(?:inity)?$/i;

function column(name: string, fields: readonly string[]): TableColumn {
  const values = fields.map((field) => field.trim());
  if (values.length && values.every((v) => whole.test(v))) return { kind: 'Long', name, values: values.map(Number) };
  if (values.length && values.every((v) => /^(?:true|false)$/i.test(v)))
    return { kind: 'Bool', name, values: values.map((v) => v.toLowerCase() === 'true') };
  const isNumber = (v: string): boolean => !tooLong.test(v) && (number.test(v) || noNumber.test(v) || infinite.test(v));
  if (values.some((v) => number.test(v)) && values.every(isNumber))
    return { kind: 'Double', name, values: values.map(numberOf) };
  return { kind: 'String', name, values: fields };
}

function numberOf(text: string): number {
  const sign = infinite.exec(text)?.[1];
  if (sign !== undefined) return sign === '-' ? -Infinity : Infinity;
  return noNumber.test(text) ? Number.NaN : Number(text);
}
