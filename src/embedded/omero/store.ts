import { transaction, type Pool } from '../../lib/database.ts';
import { Draft } from './draft.ts';
import { ObjectIndex } from './object-index.ts';
import type { Model, ModelClass } from './model.ts';
import type { Stored, StoredValue } from './objects.ts';
import * as tables from './tables.ts';

/**
 * All objects in memory, written through: a change is made in a draft, goes to the database in one transaction, and is
 * seen by others after the commit. One writer at a time. Memory is read again after a write whose outcome is unknown.
 */
export class Store {
  readonly model: Model;
  readonly pool: Pool;
  index: ObjectIndex;
  #last = new Map<string, number>();
  #writing: Promise<unknown> = Promise.resolve();
  #stale = false;

  private constructor(model: Model, pool: Pool) {
    this.model = model;
    this.pool = pool;
    this.index = new ObjectIndex(model);
  }

  static async open(model: Model, pool: Pool, now: number): Promise<Store> {
    const store = new Store(model, pool);
    await transaction(pool, async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(hashtext('omero_standin'))`);
      await tables.ensureTables(tx);
      await tables.closeOldSessions(tx, now);
    });
    await store.#load();
    return store;
  }

  get(name: string, id: number): Stored | null {
    return this.index.get(this.model.get(name), id);
  }

  /** Objects of a class and its subclasses, by id. */
  all(name: string): Stored[] {
    return this.model.family(name).flatMap((c) => this.index.all(c));
  }

  /** Objects of a class and its subclasses whose reference names the id. */
  referring(name: string, field: string, id: number): Stored[] {
    return this.model.family(name).flatMap((c) => this.index.referring(c, field, id));
  }

  named(name: string, field: string, text: string): Stored[] {
    return this.model.family(name).flatMap((c) => this.index.named(c, field, text));
  }

  /** Runs `work` on a draft and makes its changes durable; nothing has changed when it, or the database, refuses. */
  write<T>(work: (draft: Draft) => T): Promise<T> {
    const result = this.#writing.then(async () => {
      if (this.#stale) await this.#load();
      const draft = new Draft(this, new Map(this.#last), Date.now());
      const value = work(draft);
      if (draft.isEmpty) return value;
      await this.#commit(draft);
      return value;
    });
    this.#writing = result.catch(() => undefined);
    return result;
  }

  async #commit(draft: Draft): Promise<void> {
    const rows = [...draft.created, ...draft.changed.values()].map(rowOf);
    try {
      await transaction(this.pool, async (tx) => {
        await tables.writeObjects(tx, rows);
        await tables.deleteObjects(
          tx,
          [...draft.deleted].map((o) => ({ class: o.class.name, id: o.id })),
        );
        await tables.writeSequences(tx, draft.last);
      });
    } catch (error) {
      this.#stale = true;
      throw error;
    }
    this.#last = draft.last;
    for (const object of draft.deleted) this.index.remove(object);
    for (const object of draft.created) this.index.add(object);
    for (const [before, after] of draft.changed) this.index.replace(before, after);
  }

  async #load(): Promise<void> {
    const index = new ObjectIndex(this.model);
    for (const row of await tables.readObjects(this.pool)) {
      const known: ModelClass | null = this.model.classes.get(row.class) ?? null;
      if (!known) continue;
      index.add({
        class: known,
        id: row.id,
        owner: row.owner,
        group: row.grp,
        created: row.created.getTime(),
        updated: row.updated.getTime(),
        fields: row.data as Record<string, StoredValue>,
      });
    }
    this.#last = await tables.readSequences(this.pool);
    this.index = index;
    this.#stale = false;
  }
}

function rowOf(object: Stored): tables.ObjectRow {
  return {
    class: object.class.name,
    id: object.id,
    owner: object.owner,
    grp: object.group,
    created: new Date(object.created),
    updated: new Date(object.updated),
    data: object.fields,
  };
}
