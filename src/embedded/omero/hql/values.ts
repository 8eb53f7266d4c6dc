import type { Pair, Stored } from '../objects.ts';
import type { PathValue, Row } from './aliases.ts';
import { HqlError } from './tokens.ts';

/** A value in a query; an object only where one is selected. */
export type Value = string | number | boolean | null;

/** Values of `:parameters`; a list for `in`. */
export type Parameters = ReadonlyMap<string, Value | readonly Value[]>;

/** What the asker sees of a member: some are masked. */
export type ReadMember = (object: Stored, field: string) => Value;

/** References of an object's details that are kept as its owner and group, and of which no index knows. */
export function isOwnership(field: string): boolean {
  return field === 'details.owner' || field === 'details.group';
}

/** Id that a reference of the object holds; `details.owner` and `details.group` included. */
export function referenceOf(object: Stored, field: string): number | null {
  if (field === 'details.owner') return object.owner;
  if (field === 'details.group') return object.group < 0 ? null : object.group;
  const value = object.fields[field];
  return typeof value === 'number' ? value : null;
}

/** The value of a path that is no object: the id where it ends in a reference. */
export function valueOf(path: PathValue, row: Row, read: ReadMember): Value {
  const bound = row[path.alias];
  if (bound === null || bound === undefined) return null;
  const { source } = path;
  if (source.kind === 'pair') return (bound as Pair)[source.part];
  const object = bound as Stored;
  switch (source.kind) {
    case 'self':
    case 'id':
      return object.id;
    case 'reference':
      return referenceOf(object, source.field);
    case 'scalar':
      return read(object, source.field);
    case 'measure': {
      const measure = object.fields[source.field];
      return measure !== null && typeof measure === 'object' && 'value' in measure ? measure.value : null;
    }
    case 'time':
      return object[source.field];
  }
}

/** Three-valued comparison: null when either side is unknown. Values of two types are an error, as in the database. */
export function compare(a: Value, b: Value): number | null {
  if (a === null || b === null) return null;
  if (typeof a !== typeof b) throw new HqlError(`a ${typeof a} is compared with a ${typeof b}`);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** SQL's `like`: % any text, _ any character, \ escapes. Linear in practice: only the last % is ever retried. */
export function matchesLike(text: string, pattern: string): boolean {
  const parts: { any: boolean; char: string }[] = [];
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    const c = chars[i] ?? '';
    if (c === '\\' && i + 1 < chars.length) parts.push({ any: false, char: chars[++i] ?? '' });
    else if (c === '%') parts.push({ any: true, char: '' });
    else parts.push({ any: false, char: c === '_' ? '' : c });
  }
  const letters = [...text];
  let at = 0;
  let part = 0;
  let retryPart = -1;
  let retryAt = 0;
  while (at < letters.length) {
    const p = parts[part];
    if (p?.any) {
      retryPart = part++;
      retryAt = at;
    } else if (p && (p.char === '' || p.char === letters[at])) {
      part++;
      at++;
    } else if (retryPart >= 0) {
      part = retryPart + 1;
      at = ++retryAt;
    } else return false;
  }
  while (parts[part]?.any) part++;
  return part === parts.length;
}
