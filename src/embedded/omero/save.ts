import type { IceObject } from '../../omero/ice/values.ts';
import { unwrap } from '../../omero/rtypes.ts';
import { isLink, requiredOf } from './collections.ts';
import type { Draft } from './draft.ts';
import { failure, noSuchRow } from './failures.ts';
import { externalInfo, type Field, type ModelClass, type Scalar } from './model.ts';
import type { Pair, Stored, StoredValue } from './objects.ts';
import { isEnumeration, isServersOwn, type Actor } from './rights.ts';
import { checkReferences } from './save-rules.ts';
import type { Store } from './store.ts';

/**
 * Saves graphs of instances as IUpdate does: what has no id is new, an unloaded instance is a reference to something
 * stored, a loaded one with an id is an update. Members of collections are saved with the object that holds them.
 */
export class Saver {
  readonly #store: Store;
  readonly #actor: Actor;
  readonly #draft: Draft;
  readonly #group: number;
  readonly #saved = new Map<IceObject, Stored>();
  readonly #touched = new Set<Stored>();

  constructor(store: Store, actor: Actor, draft: Draft) {
    this.#store = store;
    this.#actor = actor;
    this.#draft = draft;
    this.#group = actor.writeGroup();
  }

  save(object: IceObject): Stored {
    const known = this.#saved.get(object);
    if (known) return this.#current(known);
    const type = this.#classOf(object);
    const id = unwrap(object['id']);
    if (id !== null && typeof id !== 'number') throw failure('ApiUsageException', `${type.name}: the id is no number`);
    const isReference = object['loaded'] !== true || isServersOwn(type.name) || isEnumeration(type.name);
    if (isReference && id !== null) {
      const found = this.#existing(type, id);
      this.#saved.set(object, found);
      return found;
    }
    if (object['loaded'] !== true) throw failure('ApiUsageException', `${type.name}: an unloaded object without an id`);
    if (isServersOwn(type.name)) throw failure('SecurityViolation', `${type.name} is not saved through IUpdate`);
    if (isEnumeration(type.name)) return this.#enumeration(object, type);
    this.#checkDetails(object, type);
    return this.#current(id === null ? this.#create(object, type) : this.#update(object, type, id));
  }

  /** Checks everything that only the whole graph shows; to be called once after the last `save`. */
  finish(): void {
    checkReferences(this.#store, this.#actor, this.#draft, this.#touched);
  }

  #create(object: IceObject, type: ModelClass): Stored {
    // What an object is outside of OMERO belongs to no group, and whoever sees the object sees it.
    const group = type.name === 'ExternalInfo' ? -1 : this.#group;
    const created = this.#draft.create(type, this.#actor.user, group, { version: 0 });
    this.#saved.set(object, created);
    this.#touched.add(created);
    this.#draft.change(created, this.#members(object, type));
    this.#children(object, type, created, false);
    for (const name of requiredOf(type.name))
      if ((created.fields[name] ?? null) === null)
        throw failure(
          'ValidationException',
          `not-null property references a null or transient value: ${type.javaName}.${name}`,
        );
    return created;
  }

  /** The row of a value such as pixels type `uint16`; made when it is named for the first time. */
  #enumeration(object: IceObject, type: ModelClass): Stored {
    const value = unwrap(object['value']);
    if (typeof value !== 'string' || value === '') throw failure('ApiUsageException', `${type.name} without a value`);
    const [stored] = this.#store.named(type.name, 'value', value);
    const created = [...this.#draft.created].find((o) => o.class === type && o.fields['value'] === value);
    const found = stored ?? created ?? this.#draft.create(type, 0, -1, this.#members(object, type));
    this.#saved.set(object, found);
    return found;
  }

  #update(object: IceObject, type: ModelClass, id: number): Stored {
    const found = this.#existing(type, id);
    this.#saved.set(object, found);
    const members = this.#members(object, type);
    this.#keepExternalInfo(found, members);
    if (Object.entries(members).every(([name, value]) => isSame(found.fields[name] ?? null, value))) {
      this.#children(object, type, found, true);
      return found;
    }
    if (!this.#actor.canRead(found) || !this.#actor.canEdit(found))
      throw failure('SecurityViolation', `Updating ${found.class.javaName}:Id_${id} not allowed.`);
    const version = unwrap(object['version']);
    const stored = found.fields['version'] ?? 0;
    if (typeof version === 'number' && version !== stored)
      throw failure(
        'OptimisticLockException',
        `Row was updated or deleted by another transaction: [${type.javaName}#${id}]`,
      );
    const after = this.#draft.change(found, { ...members, version: Number(stored) + 1 });
    this.#touched.add(after);
    this.#children(object, type, found, true);
    return found;
  }

  #members(object: IceObject, type: ModelClass): Record<string, StoredValue> {
    const members: Record<string, StoredValue> = {};
    for (const field of type.fields.values()) {
      if (field.name === 'version') continue;
      if (field.kind === 'absent') this.#refuseAbsent(object, type, field.member);
      else if (field.kind !== 'collection') {
        const details = object['details'] as IceObject | null | undefined;
        const value = field.name === externalInfo ? details?.['externalInfo'] : object[field.name];
        members[field.name] = this.#member(value, type, field);
      }
    }
    return members;
  }

  /** It can be set once; an object that is sent without it keeps it. */
  #keepExternalInfo(found: Stored, members: Record<string, StoredValue>): void {
    const before = found.fields[externalInfo] ?? null;
    const after = members[externalInfo] ?? null;
    if (before !== null && after !== null && before !== after)
      throw failure('SecurityViolation', `Cannot update ExternalInfo for ${found.class.javaName}:Id_${found.id}`);
    if (externalInfo in members) members[externalInfo] = after ?? before;
  }

  #member(value: unknown, type: ModelClass, field: Exclude<Field, { kind: 'collection' | 'absent' }>): StoredValue {
    if (field.kind === 'pairs') {
      const list = (value ?? []) as (IceObject | null)[];
      return list.filter((p) => p !== null).map((p): Pair => [storable(p['name']), storable(p['value'])]);
    }
    if (value === null || value === undefined) return null;
    if (field.kind === 'reference') {
      const target = this.save(value as IceObject);
      if (!target.class.ancestors.has(field.to))
        throw failure('ApiUsageException', `${type.name}.${field.name} cannot be a ${target.class.name}`);
      return target.id;
    }
    if (field.kind === 'bytes') {
      // Ice has no null for a sequence: an empty one is what a client that sets nothing sends.
      const bytes = value as Uint8Array;
      return bytes.length === 0 ? null : Buffer.from(bytes).toString('base64');
    }
    if (field.kind === 'measure') {
      const measure = value as IceObject;
      return { value: Number(measure['value']), unit: Number(measure['unit']) };
    }
    return scalarOf(unwrap(value), field.type, `${type.name}.${field.name}`);
  }

  #children(object: IceObject, type: ModelClass, holder: Stored, exists: boolean): void {
    for (const field of type.fields.values()) {
      if (field.kind !== 'collection') continue;
      const list = (object[`${field.name}Seq`] ?? []) as (IceObject | null)[];
      const given = list.filter((child) => child !== null);
      const children = new Set<number>();
      for (const child of given) {
        // The member's reference back is what is stored; clients may leave it to the collection.
        if (child['loaded'] === true && (child[field.by] ?? null) === null) child[field.by] = object;
        children.add(this.save(child).id);
      }
      if (!exists || object[`${field.name}Loaded`] !== true) continue;
      const missing = this.#store.referring(field.of, field.by, holder.id).find((o) => !children.has(o.id));
      if (missing)
        throw failure(
          'ApiUsageException',
          `taking ${missing.class.name} ${missing.id} out of ${type.name}.${field.name} is not supported; delete it`,
        );
    }
  }

  #classOf(object: IceObject): ModelClass {
    const type = object.$sliced === undefined ? this.#store.model.find(object.$type) : null;
    if (!type || type.typeId !== object.$type)
      throw failure('ApiUsageException', `objects of class ${object.$sliced ?? object.$type} are not stored here`);
    return type;
  }

  #existing(type: ModelClass, id: number): Stored {
    const found = this.#draft.get(type, id);
    if (!found) throw noSuchRow(type.javaName, id);
    return found;
  }

  /** The object as the draft has it now: an update makes a new copy. */
  #current(object: Stored): Stored {
    return this.#draft.get(object.class, object.id) ?? object;
  }

  #checkDetails(object: IceObject, type: ModelClass): void {
    const details = object['details'] as IceObject | null | undefined;
    const group = unwrap((details?.['group'] as IceObject | null | undefined)?.['id']);
    const owner = unwrap((details?.['owner'] as IceObject | null | undefined)?.['id']);
    const isNew = unwrap(object['id']) === null;
    if (isNew && group !== null && group !== this.#group)
      throw failure('GroupSecurityViolation', `${type.javaName}: group ${String(group)} is not the group of the call`);
    if (isNew && owner !== null && owner !== this.#actor.user)
      throw failure('SecurityViolation', `You are not authorized to set the owner of ${type.javaName}`);
  }

  #refuseAbsent(object: IceObject, type: ModelClass, member: string): void {
    const value = object[member] ?? null;
    const empty = value === null || (Array.isArray(value) && value.length === 0) || value instanceof Map;
    if (empty || (value instanceof Uint8Array && value.length === 0)) return;
    throw failure('ApiUsageException', `${type.name}.${member} is not stored here`);
  }
}

/** Deletes an object that nothing refers to any more. */
export function remove(store: Store, actor: Actor, draft: Draft, object: IceObject): void {
  const type = store.model.find(object.$type);
  const id = unwrap(object['id']);
  if (!type || typeof id !== 'number') throw failure('ApiUsageException', `${object.$type}: nothing to delete`);
  const found = draft.get(type, id);
  if (!found) throw noSuchRow(type.javaName, id);
  if (
    isServersOwn(type.name) ||
    isEnumeration(type.name) ||
    !actor.canRead(found) ||
    !actor.canEdit(found, 'DeleteOwned')
  )
    throw failure('SecurityViolation', `Deleting ${found.class.javaName}:Id_${id} not allowed.`);
  const holder = store.index.anyReferring(found);
  if (holder)
    throw failure(
      'ValidationException',
      `could not delete: [${found.class.javaName}#${id}]; ${holder.class.javaName}#${holder.id} refers to it` +
        (isLink(holder.class.name) ? ' (delete the link first)' : ''),
    );
  draft.delete(found);
}

function isSame(a: StoredValue, b: StoredValue): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

function scalarOf(value: unknown, type: Scalar, where: string): StoredValue {
  const wanted = type === 'string' ? 'string' : type === 'bool' ? 'boolean' : 'number';
  if (typeof value === 'bigint') throw failure('ApiUsageException', `${where}: ${value} is beyond what is stored here`);
  if (value !== null && typeof value !== wanted) throw failure('ApiUsageException', `${where} must be a ${wanted}`);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw failure('ValidationException', `${where}: ${value} cannot be stored`);
  return typeof value === 'string' ? storable(value) : (value as StoredValue);
}

function storable(value: unknown): string {
  const text = String(value ?? '');
  if (text.includes('\0')) throw failure('ValidationException', 'invalid byte sequence for encoding "UTF8": 0x00');
  return text;
}
