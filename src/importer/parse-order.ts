import { basename, isAbsolute, normalize } from 'node:path';
import { bridgeError } from '../domain/errors.ts';
import { destinationTypes, type DestinationType } from '../domain/vocabulary.ts';
import { pythonJson } from '../orders/python-json.ts';
import type { OrderRow } from './order-rows.ts';

/** Bytes; an index of PostgreSQL takes no longer value. */
const longestPath = 2_600;

/** An order whose columns are what they should be. */
export interface ImportOrder {
  uuid: string;
  group: string;
  user: string;
  destination: { type: DestinationType; id: number };
  /** Absolute, each once. */
  files: string[];
  /** Row of `imports_preprocessing`; null: the files are imported as they are. */
  preprocessingId: number | null;
}

/**
 * Reads an order. Every column may have been written by anybody who can write to the database.
 *
 * @throws ORDER_INVALID with the first thing that is wrong;
 */
export function parseOrder(row: OrderRow): ImportOrder {
  const fail = (reason: string): never => {
    throw bridgeError('ORDER_INVALID', { order: row.uuid, reason });
  };
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,35}$/.test(row.uuid)) fail('its uuid holds more than letters, digits and dashes');
  if (!row.group_name.trim()) fail('it names no group');
  if (!row.user_name.trim()) fail('it names no user');
  const type = destinationTypes.find((t) => t === row.destination_type);
  if (!type) return fail(`its destination type is "${row.destination_type}", not Dataset or Screen`);
  if (!/^[1-9]\d{0,14}$/.test(row.destination_id))
    fail(`its destination id is "${row.destination_id}", not an OMERO id`);
  if (row.files === null) return fail('its list of files is longer than any list should be');
  let files: unknown;
  try {
    files = JSON.parse(row.files);
  } catch {
    fail('its list of files is not JSON');
  }
  if (!Array.isArray(files) || files.length === 0) return fail('it lists no files');
  for (const file of files as unknown[]) {
    if (typeof file !== 'string' || file === '') fail('its list of files holds something that is no path');
    else if (file.includes('\0')) fail('a path holds a NUL byte');
    else if (!file.isWellFormed()) fail('a path is not valid Unicode');
    else if (Buffer.byteLength(file) > longestPath) fail(`a path is longer than ${longestPath} bytes`);
    else if (!isAbsolute(file)) fail(`the path ${file} is not absolute`);
    else if (normalize(file) !== file.replace(/\/+$/, '')) fail(`the path ${file} has parts such as ".." or "//"`);
  }
  return {
    uuid: row.uuid,
    group: row.group_name,
    user: row.user_name,
    destination: { type, id: Number(row.destination_id) },
    preprocessingId: row.preprocessing_id,
    files: [...new Set((files as string[]).map((f) => f.replace(/\/+$/, '')))],
  };
}

/** The column `file_names` of later rows: base names, of more than two the first and the last. */
export function fileNamesColumn(files: readonly string[]): string {
  const names = files.map((f) => basename(f));
  return pythonJson(names.length > 2 ? [names[0] ?? '', '...', names.at(-1) ?? ''] : names);
}
