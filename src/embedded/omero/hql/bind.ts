import { indexedText } from '../collections.ts';
import type { Pair, Stored } from '../objects.ts';
import type { Store } from '../store.ts';
import type { Alias, Bound, Row } from './aliases.ts';
import type { Check } from './conditions.ts';
import type { Viewer } from './evaluate.ts';
import { HqlError } from './tokens.ts';
import { isOwnership, referenceOf, type Value } from './values.ts';

/** A query that would hold more rows than this in memory is refused. */
const maxRows = 2_000_000;

/**
 * Binds the aliases one after another. Conditions on ids, references and indexed texts narrow the candidates of their
 * alias first; these are followed back to the root along the joins, so that a query about one dataset among thousands
 * touches only its own rows.
 */
export class Binder {
  readonly #store: Store;
  readonly #aliases: readonly Alias[];
  readonly #checks: readonly (readonly Check[])[];
  readonly #viewer: Viewer;
  readonly #candidates: (ReadonlySet<Bound> | null)[];

  constructor(store: Store, aliases: readonly Alias[], checks: readonly Check[], viewer: Viewer) {
    this.#store = store;
    this.#aliases = aliases;
    this.#viewer = viewer;
    this.#checks = aliases.map((_, i) => checks.filter((check) => Math.max(0, check.lastAlias) === i));
    this.#candidates = aliases.map(() => null);
    for (const check of checks) {
      if (!check.lookup) continue;
      const { alias } = check.lookup.path;
      const found = this.#lookUp(check.lookup);
      const known = this.#candidates[alias];
      if (found && (!known || found.size < known.size)) this.#candidates[alias] = found;
    }
  }

  rows(): Row[] {
    const rows: Row[] = [];
    const row: Row = this.#aliases.map(() => null);
    for (const object of this.#roots()) {
      row[0] = object;
      this.#bind(1, row, rows);
    }
    return rows;
  }

  #bind(at: number, row: Row, rows: Row[]): void {
    for (const check of this.#checks[at - 1] ?? []) if (check.holds(row) !== true) return;
    const alias = this.#aliases[at];
    if (!alias) {
      if (rows.length >= maxRows) throw new HqlError(`more than ${maxRows} rows`);
      rows.push([...row]);
      return;
    }
    const parent = row[alias.parent] ?? null;
    const allowed = this.#candidates[at] ?? null;
    let any = false;
    for (const bound of parent ? this.#members(alias, parent as Stored) : []) {
      any = true;
      // A candidate set comes from a condition that must hold, so a left join needs no row without it either.
      if (allowed && !allowed.has(bound)) continue;
      row[at] = bound;
      this.#bind(at + 1, row, rows);
    }
    if (any || alias.join !== 'left') return;
    row[at] = null;
    this.#bind(at + 1, row, rows);
  }

  #members(alias: Alias, parent: Stored): readonly Bound[] {
    const { via } = alias;
    if (!via) return [];
    if (via.kind === 'pairs') {
      const pairs = parent.fields[via.field];
      return Array.isArray(pairs) ? (pairs as readonly Pair[]) : [];
    }
    if (via.kind === 'collection') return this.#visible(this.#store.referring(via.of, via.by, parent.id));
    const id = referenceOf(parent, via.field);
    const object = id === null ? null : this.#store.get(via.to, id);
    return object && this.#viewer.canRead(object) ? [object] : [];
  }

  #visible(objects: Stored[]): Stored[] {
    return objects.filter((o) => this.#viewer.canRead(o)).sort((a, b) => a.id - b.id);
  }

  #roots(): Stored[] {
    const root = this.#aliases[0];
    if (!root) return [];
    let best: ReadonlySet<Bound> | null = null;
    this.#aliases.forEach((_, i) => {
      const found = this.#upToRoot(i);
      if (found && (!best || found.size < best.size)) best = found;
    });
    const start = (best as ReadonlySet<Bound> | null) ?? this.#store.all(root.className);
    const family = new Set(this.#family(root.className));
    return this.#visible([...start].filter((o): o is Stored => isObject(o) && family.has(o.class.name)));
  }

  /** Follows the candidates of an alias back along its joins; null when there are none, or no index leads back. */
  #upToRoot(index: number): ReadonlySet<Bound> | null {
    let found = this.#candidates[index] ?? null;
    let alias = this.#aliases[index];
    while (found && alias && alias.via) {
      const { via, parent } = alias;
      const owner = this.#aliases[parent];
      const parents = new Set<Bound>();
      if (!owner || via.kind === 'pairs' || (via.kind === 'reference' && isOwnership(via.field))) return null;
      for (const bound of found) {
        if (!isObject(bound)) continue;
        if (via.kind === 'reference')
          for (const holder of this.#store.referring(owner.className, via.field, bound.id)) parents.add(holder);
        else {
          const id = referenceOf(bound, via.by);
          const up = id === null ? null : this.#store.get(owner.className, id);
          if (up) parents.add(up);
        }
      }
      found = parents;
      alias = owner;
    }
    return found;
  }

  #lookUp({ path, values }: NonNullable<Check['lookup']>): Set<Bound> | null {
    const { className, kind } = this.#aliases[path.alias] ?? { className: '', kind: 'pair' };
    const { source } = path;
    if (kind === 'pair' || className === 'IObject') return null;
    const ids = (find: (id: number) => readonly (Stored | null)[]): Set<Bound> =>
      new Set([...values].flatMap((v) => (typeof v === 'number' ? find(v) : [])).filter((o) => o !== null));
    if ([...values].some((v: Value) => typeof v !== 'number') && source.kind !== 'scalar') return null;
    if (source.kind === 'id' || source.kind === 'self') return ids((id) => [this.#store.get(className, id)]);
    if (source.kind === 'reference' && !isOwnership(source.field))
      return ids((id) => this.#store.referring(className, source.field, id));
    // A masked text (the key of another's session) must not be found by its true value.
    if (source.kind !== 'scalar' || !indexedText.has(source.field) || className === 'Session') return null;
    if ([...values].some((v) => typeof v !== 'string')) return null;
    return new Set([...values].flatMap((v) => this.#store.named(className, source.field, v as string)));
  }

  #family(className: string): string[] {
    return this.#store.model.family(className).map((c) => c.name);
  }
}

function isObject(bound: Bound): bound is Stored {
  return bound !== null && !Array.isArray(bound);
}
