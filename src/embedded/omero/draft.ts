import type { Store } from './store.ts';
import type { ModelClass } from './model.ts';
import type { Stored, StoredValue } from './objects.ts';

/** The changes of one transaction, over the store as it was; nobody else sees them before the commit. */
export class Draft {
  readonly now: number;
  /** Last id given out per class. */
  readonly last: Map<string, number>;
  readonly created = new Set<Stored>();
  /** Object as stored -> as it will be. */
  readonly changed = new Map<Stored, Stored>();
  readonly deleted = new Set<Stored>();
  readonly #store: Store;
  readonly #createdById = new Map<string, Stored>();

  constructor(store: Store, last: Map<string, number>, now: number) {
    this.#store = store;
    this.last = last;
    this.now = now;
  }

  get isEmpty(): boolean {
    return this.created.size === 0 && this.changed.size === 0 && this.deleted.size === 0;
  }

  /** The object as this transaction leaves it. */
  get(known: ModelClass, id: number): Stored | null {
    const mine = this.#createdById.get(`${known.root}:${id}`);
    if (mine) return mine.class.ancestors.has(known.name) ? mine : null;
    const stored = this.#store.index.get(known, id);
    if (!stored || this.deleted.has(stored)) return null;
    return this.changed.get(stored) ?? stored;
  }

  find(name: string, id: number): Stored | null {
    return this.get(this.#store.model.get(name), id);
  }

  /** Adds an object under the next id of its class. Ids are never given twice, not even after a deletion. */
  create(known: ModelClass, owner: number, group: number, fields: Record<string, StoredValue>, id?: number): Stored {
    const next = id ?? (this.last.get(known.root) ?? 0) + 1;
    this.last.set(known.root, Math.max(this.last.get(known.root) ?? 0, next));
    const object: Stored = {
      class: known,
      id: next,
      owner,
      group,
      created: this.now,
      updated: this.now,
      fields,
    };
    this.created.add(object);
    this.#createdById.set(`${known.root}:${next}`, object);
    return object;
  }

  change(object: Stored, fields: Record<string, StoredValue>): Stored {
    if (this.created.has(object)) {
      object.fields = { ...object.fields, ...fields };
      return object;
    }
    const stored = this.#store.index.get(object.class, object.id);
    if (!stored) throw new Error(`${object.class.name} ${object.id} is not stored`);
    const before = this.changed.get(stored) ?? stored;
    const after: Stored = { ...before, updated: this.now, fields: { ...before.fields, ...fields } };
    this.changed.set(stored, after);
    return after;
  }

  delete(object: Stored): void {
    const stored = this.#store.index.get(object.class, object.id);
    if (stored) {
      this.deleted.add(stored);
      this.changed.delete(stored);
    }
  }
}
