import type { ModelClass } from './model.ts';

/** One pair of a map annotation; order and repeated names are kept. */
export type Pair = readonly [name: string, value: string];

export interface Measure {
  readonly value: number;
  /** Number of the unit in OMERO's enumeration. */
  readonly unit: number;
}

/** A member as stored: a reference is the id of the object referred to. */
export type StoredValue = string | number | boolean | null | readonly Pair[] | Measure;

/** One object. Values change only when the transaction that changes them has been written to the database. */
export interface Stored {
  readonly class: ModelClass;
  readonly id: number;
  /** Id of the experimenter; of a global object, 0. */
  readonly owner: number;
  /** Id of the group, or -1: the object is of no group. */
  readonly group: number;
  readonly created: number;
  updated: number;
  fields: Readonly<Record<string, StoredValue>>;
}

/** Milliseconds since 1970 and the like: a member that is a number, else null. */
export function numberOf(object: Stored, field: string): number | null {
  const value = object.fields[field];
  return typeof value === 'number' ? value : null;
}

export function textOf(object: Stored, field: string): string | null {
  const value = object.fields[field];
  return typeof value === 'string' ? value : null;
}
