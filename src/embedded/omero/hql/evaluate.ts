import type { Store } from '../store.ts';
import type { Scalar } from '../model.ts';
import type { Stored } from '../objects.ts';
import { Aliases, type PathValue, type Row } from './aliases.ts';
import { Binder } from './bind.ts';
import { Conditions } from './conditions.ts';
import { parseHql } from './parse.ts';
import type { Query, Selected } from './syntax.ts';
import { HqlError } from './tokens.ts';
import { compare, valueOf, type Parameters, type ReadMember, type Value } from './values.ts';

/** What the asker may see. */
export interface Viewer {
  canRead(object: Stored): boolean;
  readonly read: ReadMember;
}

export interface Paging {
  readonly offset: number;
  readonly limit: number | null;
}

/** One column of a projection. */
export interface Column {
  readonly type: Scalar;
}

export interface Projection {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Value[])[];
}

export interface Found {
  readonly objects: readonly Stored[];
  /** Rows and joins from which fetched members are filled in. */
  readonly rows: readonly Row[];
  readonly aliases: Aliases;
}

const whole: Paging = { offset: 0, limit: null };

/** `select path, count(x), … from …`: values. Throws HqlError for what is not understood. */
export function project(
  store: Store,
  text: string,
  parameters: Parameters,
  viewer: Viewer,
  paging = whole,
): Projection {
  const query = parseHql(text);
  if (!query.select) throw new HqlError('a projection needs select');
  const { aliases, rows, paths } = run(store, query, parameters, viewer);
  const counts = query.select.filter((s) => s.kind === 'count').length;
  if (counts > 0 && counts < query.select.length) throw new HqlError('counts beside values need group by');
  const columns = query.select.map((s, i) => columnOf(s, paths[i] ?? null));
  const values =
    counts > 0
      ? [query.select.map((s, i) => count(s, paths[i] ?? null, rows, viewer.read))]
      : rows.map((row) => paths.map((path) => (path ? valueOf(path, row, viewer.read) : null)));
  if (aliases.list.some((alias) => alias.fetch)) throw new HqlError('fetch belongs to queries for objects');
  return { columns, rows: page(query.distinct ? distinct(values, (v) => JSON.stringify(v)) : values, paging) };
}

/** `select x from …` or `from …`: objects. Throws HqlError for what is not understood. */
export function findObjects(store: Store, text: string, parameters: Parameters, viewer: Viewer, paging = whole): Found {
  const query = parseHql(text);
  if (query.select && query.select.length !== 1) throw new HqlError('one object is selected, not several');
  const { aliases, rows, paths } = run(store, query, parameters, viewer, true);
  const [path] = paths;
  const alias = path ? aliases.asAlias(path) : 0;
  if (aliases.list[alias]?.kind !== 'object') throw new HqlError('objects can be selected here, not values');
  const objects = rows.map((row) => row[alias] as Stored | null).filter((o) => o !== null);
  const list = query.distinct ? distinct(objects, (o) => `${o.class.root}:${o.id}`) : objects;
  return { objects: page(list, paging), rows, aliases };
}

function run(
  store: Store,
  query: Query,
  parameters: Parameters,
  viewer: Viewer,
  wantsObjects = false,
): { aliases: Aliases; rows: Row[]; paths: (PathValue | null)[] } {
  const aliases = new Aliases(store.model, query);
  const conditions = new Conditions(aliases, parameters, viewer.read);
  const checks = conditions.compile(query.where);
  const paths = (query.select ?? []).map((s) => (s.path ? aliases.resolve(s.path) : null));
  for (const path of paths) if (wantsObjects && path) aliases.asAlias(path);
  const orders = query.orderBy.map(({ path, descending }) => ({ path: aliases.resolve(path), descending }));
  const surplus = [...parameters.keys()].find((name) => !conditions.usedParameters.has(name));
  if (surplus !== undefined) throw new HqlError(`parameter ${surplus} does not exist as a named parameter`);
  const rows = new Binder(store, aliases.list, checks, viewer).rows();
  if (orders.length > 0)
    rows.sort((a, b) => {
      for (const { path, descending } of orders) {
        const order = inOrder(valueOf(path, a, viewer.read), valueOf(path, b, viewer.read));
        if (order !== 0) return descending ? -order : order;
      }
      return 0;
    });
  return { aliases, rows, paths };
}

/** As PostgreSQL orders: null after everything else (and before it when descending). */
function inOrder(a: Value, b: Value): number {
  if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
  return compare(a, b) ?? 0;
}

function columnOf(selected: Selected, path: PathValue | null): Column {
  if (selected.kind === 'count') return { type: 'long' };
  const source = path?.source;
  switch (source?.kind) {
    case 'scalar':
      return { type: source.type };
    case 'id':
      return { type: 'long' };
    case 'reference':
      if (source.asId) return { type: 'long' };
      break;
    case 'measure':
      return { type: 'double' };
    case 'time':
      return { type: 'time' };
    case 'pair':
      return { type: 'string' };
    case 'self':
    case undefined:
      break;
  }
  throw new HqlError(`${selected.path?.join('.') ?? ''} is an object; a projection here gives values only`);
}

function count(selected: Selected, path: PathValue | null, rows: readonly Row[], read: ReadMember): number {
  if (!path) return rows.length;
  const values = rows.map((row) => valueOf(path, row, read));
  const known = values.filter((value) => value !== null);
  return selected.kind === 'count' && selected.distinct ? new Set(known).size : known.length;
}

function distinct<T>(values: readonly T[], key: (value: T) => string): T[] {
  const seen = new Map<string, T>();
  for (const value of values) {
    const k = key(value);
    if (!seen.has(k)) seen.set(k, value);
  }
  return [...seen.values()];
}

function page<T>(values: readonly T[], { offset, limit }: Paging): readonly T[] {
  return offset === 0 && limit === null ? values : values.slice(offset, limit === null ? undefined : offset + limit);
}
