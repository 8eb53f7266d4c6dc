import type { Field, Model, Scalar } from '../model.ts';
import type { Pair, Stored } from '../objects.ts';
import type { Join, Path, Query } from './syntax.ts';
import { HqlError } from './tokens.ts';

/** What an alias is bound to in one row: an object, a pair of a map annotation, or nothing (left join). */
export type Bound = Stored | Pair | null;
export type Row = Bound[];

export interface Alias {
  readonly name: string;
  readonly kind: 'object' | 'pair';
  /** Class of the objects; of a pair, empty. */
  readonly className: string;
  readonly join: 'root' | 'inner' | 'left';
  readonly fetch: boolean;
  /** Index of the alias it is reached from; the root has -1. */
  readonly parent: number;
  readonly via: Step | null;
}

export type Step =
  | { readonly kind: 'reference'; readonly field: string; readonly to: string }
  | { readonly kind: 'collection'; readonly field: string; readonly of: string; readonly by: string }
  | { readonly kind: 'pairs'; readonly field: string };

/** The value of a path in a row. `source` tells what an index could be asked. */
export interface PathValue {
  readonly alias: number;
  readonly source:
    | { readonly kind: 'self' }
    | { readonly kind: 'id' }
    | { readonly kind: 'reference'; readonly field: string; readonly to: string; readonly asId: boolean }
    | { readonly kind: 'scalar'; readonly field: string; readonly type: Scalar }
    | { readonly kind: 'measure'; readonly field: string }
    | { readonly kind: 'time'; readonly field: 'created' | 'updated' }
    | { readonly kind: 'pair'; readonly part: 0 | 1 };
}

/** Details of an object that are references although they are no members of its class. */
const detailReferences: Readonly<Record<string, string>> = {
  'details.owner': 'Experimenter',
  'details.group': 'ExperimenterGroup',
};

/** The aliases of a query in binding order, with those that its dotted paths imply (inner joins, as in Hibernate). */
export class Aliases {
  readonly list: Alias[] = [];
  readonly #model: Model;
  readonly #implicit = new Map<string, number>();

  constructor(model: Model, query: Query) {
    this.#model = model;
    const root = model.find(query.from.className);
    const className = root?.name ?? (query.from.className === 'IObject' ? 'IObject' : null);
    if (className === null) throw new HqlError(`${query.from.className} is not mapped`);
    this.#add({ name: query.from.alias, kind: 'object', className, join: 'root', fetch: false, parent: -1, via: null });
    for (const join of query.joins) this.#join(join);
  }

  /** What a path means: the last step decides, references before it become joins. */
  resolve(path: Path): PathValue {
    const [name = '', ...steps] = path;
    let alias = this.list.findIndex((a) => a.name === name);
    if (alias < 0) throw new HqlError(`${name} is no alias of the query`);
    if (this.list[alias]?.kind === 'pair') return pairPart(alias, path, steps);
    for (let at = 0; ;) {
      if (at === steps.length) return { alias, source: { kind: 'self' } };
      const field = steps[at] === 'details' ? `details.${steps[at + 1] ?? ''}` : (steps[at] ?? '');
      at += steps[at] === 'details' ? 2 : 1;
      const rest = steps.slice(at);
      if (field === 'id' && rest.length === 0) return { alias, source: { kind: 'id' } };
      if (field === 'details.creationEvent' || field === 'details.updateEvent') {
        if (rest.join('.') !== 'time') throw new HqlError(`of ${field} only the time is known`);
        return { alias, source: { kind: 'time', field: field === 'details.updateEvent' ? 'updated' : 'created' } };
      }
      const known = this.#field(alias, field);
      if (known.kind === 'scalar' && rest.length === 0)
        return { alias, source: { kind: 'scalar', field, type: known.type } };
      if (known.kind === 'measure' && rest.join('.') === 'value') return { alias, source: { kind: 'measure', field } };
      if (known.kind === 'collection' || known.kind === 'pairs')
        throw new HqlError(`illegal attempt to dereference collection ${path.join('.')}: join it`);
      if (known.kind !== 'reference') throw new HqlError(`could not resolve property ${path.join('.')}`);
      if (rest.length === 0 || rest.join('.') === 'id')
        return { alias, source: { kind: 'reference', field, to: known.to, asId: rest.length === 1 } };
      alias = this.#implied(alias, field, known.to);
    }
  }

  /** An entity-valued path as an alias of its own: selecting `i.fileset` joins it. */
  asAlias(value: PathValue): number {
    if (value.source.kind === 'self') return value.alias;
    if (value.source.kind !== 'reference') throw new HqlError('an object is expected');
    return this.#implied(value.alias, value.source.field, value.source.to);
  }

  #join({ kind, fetch, path, alias: name }: Join): void {
    const inDetails = path.at(-2) === 'details';
    const last = `${inDetails ? 'details.' : ''}${path.at(-1) ?? ''}`;
    const owner = this.resolve(path.slice(0, inDetails ? -2 : -1));
    if (path.length < 2) throw new HqlError(`join of ${last}: a path from an alias is expected`);
    const parent = this.asAlias(owner);
    const field = this.#field(parent, last);
    const alias = name ?? `${last}#${this.list.length}`;
    const common = { name: alias, join: kind, fetch, parent };
    if (field.kind === 'reference')
      this.#add({
        ...common,
        kind: 'object',
        className: field.to,
        via: { kind: 'reference', field: last, to: field.to },
      });
    else if (field.kind === 'collection')
      this.#add({
        ...common,
        kind: 'object',
        className: field.of,
        via: { kind: 'collection', field: last, of: field.of, by: field.by },
      });
    else if (field.kind === 'pairs')
      this.#add({ ...common, kind: 'pair', className: '', via: { kind: 'pairs', field: last } });
    else throw new HqlError(`${path.join('.')} cannot be joined`);
  }

  #implied(parent: number, field: string, to: string): number {
    const key = `${parent}.${field}`;
    const known = this.#implicit.get(key);
    if (known !== undefined) return known;
    // A path through a left-joined alias filters its rows too, as the inner join that Hibernate makes of it does.
    const index = this.#add({
      name: `#${key}`,
      kind: 'object',
      className: to,
      join: 'inner',
      fetch: false,
      parent,
      via: { kind: 'reference', field, to },
    });
    this.#implicit.set(key, index);
    return index;
  }

  #field(alias: number, name: string): Field {
    const { className } = this.list[alias] ?? { className: '' };
    const detail = detailReferences[name];
    if (detail !== undefined) return { kind: 'reference', name, to: detail };
    const field = this.#model.field(className, name);
    if (!field || field.kind === 'absent') throw new HqlError(`could not resolve property ${name} of ${className}`);
    return field;
  }

  #add(alias: Alias): number {
    if (this.list.some((a) => a.name === alias.name)) throw new HqlError(`the alias ${alias.name} is used twice`);
    return this.list.push(alias) - 1;
  }
}

function pairPart(alias: number, path: Path, steps: Path): PathValue {
  const part = steps.join('.') === 'name' ? 0 : steps.join('.') === 'value' ? 1 : null;
  if (part === null) throw new HqlError(`could not resolve property ${path.join('.')}: a pair has name and value`);
  return { alias, source: { kind: 'pair', part } };
}
