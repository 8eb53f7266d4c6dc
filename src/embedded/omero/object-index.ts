import { indexedText } from './collections.ts';
import type { Model, ModelClass } from './model.ts';
import type { Stored } from './objects.ts';

/** Objects by class and id, by what they refer to, and by some of their texts. */
export class ObjectIndex {
  readonly #model: Model;
  readonly #byId = new Map<string, Map<number, Stored>>();
  readonly #byClass = new Map<string, Set<Stored>>();
  readonly #byReference = new Map<string, Map<number, Set<Stored>>>();
  readonly #byText = new Map<string, Map<string, Set<Stored>>>();

  constructor(model: Model) {
    this.#model = model;
  }

  get(known: ModelClass, id: number): Stored | null {
    const found = this.#byId.get(known.root)?.get(id);
    return found && found.class.ancestors.has(known.name) ? found : null;
  }

  all(known: ModelClass): Stored[] {
    return [...(this.#byClass.get(known.name) ?? [])];
  }

  referring(known: ModelClass, field: string, id: number): Stored[] {
    return [...(this.#byReference.get(`${known.name}.${field}`)?.get(id) ?? [])];
  }

  named(known: ModelClass, field: string, text: string): Stored[] {
    return [...(this.#byText.get(`${known.name}.${field}`)?.get(text) ?? [])];
  }

  /** Any object that refers to this one, or null. */
  anyReferring(object: Stored): Stored | null {
    for (const holder of this.#model.classes.values())
      for (const field of holder.fields.values()) {
        if (field.kind !== 'reference' || !object.class.ancestors.has(field.to)) continue;
        for (const found of this.#byReference.get(`${holder.name}.${field.name}`)?.get(object.id) ?? []) return found;
      }
    return null;
  }

  add(object: Stored): void {
    const { class: known, id } = object;
    let ids = this.#byId.get(known.root);
    if (!ids) this.#byId.set(known.root, (ids = new Map()));
    ids.set(id, object);
    let all = this.#byClass.get(known.name);
    if (!all) this.#byClass.set(known.name, (all = new Set()));
    all.add(object);
    for (const [name, value] of Object.entries(object.fields)) {
      const field = known.fields.get(name);
      if (field?.kind === 'reference' && typeof value === 'number')
        put(this.#byReference, `${known.name}.${name}`, value, object);
      else if (typeof value === 'string' && indexedText.has(name))
        put(this.#byText, `${known.name}.${name}`, value, object);
    }
  }

  remove(object: Stored): void {
    const { class: known, id } = object;
    this.#byId.get(known.root)?.delete(id);
    this.#byClass.get(known.name)?.delete(object);
    for (const [name, value] of Object.entries(object.fields)) {
      if (typeof value === 'number') take(this.#byReference, `${known.name}.${name}`, value, object);
      else if (typeof value === 'string') take(this.#byText, `${known.name}.${name}`, value, object);
    }
  }

  replace(before: Stored, after: Stored): void {
    this.remove(before);
    this.add(after);
  }
}

function put<K>(index: Map<string, Map<K, Set<Stored>>>, field: string, key: K, object: Stored): void {
  let values = index.get(field);
  if (!values) index.set(field, (values = new Map()));
  const found = values.get(key);
  if (found) found.add(object);
  else values.set(key, new Set([object]));
}

function take<K>(index: Map<string, Map<K, Set<Stored>>>, field: string, key: K, object: Stored): void {
  const values = index.get(field);
  const found = values?.get(key);
  if (!values || !found) return;
  found.delete(object);
  if (found.size === 0) values.delete(key);
}
