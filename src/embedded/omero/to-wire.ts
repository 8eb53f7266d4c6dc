import { rbool, rdouble, rint, rlong, rstring, rtime } from '../../omero/rtypes.ts';
import type { IceObject } from '../../omero/ice/values.ts';
import type { Aliases, Row } from './hql/aliases.ts';
import type { Value } from './hql/values.ts';
import { externalInfo, type Scalar } from './model.ts';
import type { Pair, Stored } from './objects.ts';
import { permissionBits, permissionsOf, type Actor, type GroupPermissions } from './rights.ts';
import type { Store } from './store.ts';

/** A value as OMERO's nullable value classes carry it. */
export function toRType(value: Value, type: Scalar): IceObject | null {
  if (value === null) return null;
  switch (type) {
    case 'string':
      return rstring(String(value));
    case 'bool':
      return rbool(value === true);
    case 'int':
      return rint(Number(value));
    case 'long':
      return rlong(Number(value));
    case 'double':
      return rdouble(Number(value));
    case 'time':
      return rtime(Number(value));
  }
}

/** Makes the instances of one answer: an object that occurs twice is one instance. */
export class ToWire {
  readonly #store: Store;
  readonly #actor: Actor;
  readonly #loaded = new Map<Stored, IceObject>();
  readonly #unloaded = new Map<Stored, IceObject>();

  constructor(store: Store, actor: Actor) {
    this.#store = store;
    this.#actor = actor;
  }

  /** The object with its own members; what it refers to comes as unloaded references, collections as not loaded. */
  object(stored: Stored): IceObject {
    const known = this.#loaded.get(stored);
    if (known) return known;
    const object: IceObject = { $type: stored.class.typeId, id: rlong(stored.id), loaded: true };
    this.#loaded.set(stored, object);
    object['details'] = this.#details(stored);
    for (const field of stored.class.fields.values()) {
      const value = stored.fields[field.name] ?? null;
      if (value === null || field.name === externalInfo) continue;
      if (field.kind === 'scalar') object[field.name] = toRType(this.#actor.read(stored, field.name), field.type);
      else if (field.kind === 'reference' && typeof value === 'number')
        object[field.name] = this.#reference(field.to, value);
      else if (field.kind === 'pairs')
        object[field.name] = (value as readonly Pair[]).map(([name, text]) => ({
          $type: '::omero::model::NamedValue',
          name,
          value: text,
        }));
      else if (field.kind === 'bytes') object[field.name] = new Uint8Array(Buffer.from(String(value), 'base64'));
      else if (field.kind === 'measure') object[field.name] = { $type: field.typeId, ...(value as object) };
    }
    return object;
  }

  /** Fills in what a query fetched: references become loaded, collections hold the rows' members. */
  fetched(aliases: Aliases, rows: readonly Row[]): void {
    aliases.list.forEach((alias, index) => {
      if (!alias.fetch || !alias.via || alias.kind === 'pair') return;
      const { via, parent } = alias;
      for (const row of rows) {
        const owner = row[parent] as Stored | null;
        if (!owner) continue;
        const bound = row[index] as Stored | null;
        const object = this.object(owner);
        if (via.kind === 'reference') {
          if (bound && !via.field.includes('.')) object[via.field] = this.object(bound);
          continue;
        }
        object[`${via.field}Loaded`] = true;
        const list = (object[`${via.field}Seq`] ??= []) as IceObject[];
        if (bound && !list.includes(this.object(bound))) list.push(this.object(bound));
      }
    });
  }

  #reference(to: string, id: number): IceObject | null {
    const stored = this.#store.get(to, id);
    if (!stored) return null;
    const loaded = this.#loaded.get(stored);
    if (loaded) return loaded;
    let object = this.#unloaded.get(stored);
    if (!object) {
      object = { $type: stored.class.typeId, id: rlong(id), loaded: false };
      this.#unloaded.set(stored, object);
    }
    return object;
  }

  #details(stored: Stored): IceObject {
    const details: IceObject = { $type: '::omero::model::Details' };
    if (stored.class.name === 'ExperimenterGroup') {
      details['permissions'] = this.#permissions(permissionsOf(this.#store, stored.id), stored);
    } else if (stored.group >= 0) {
      details['owner'] = this.#reference('Experimenter', stored.owner);
      details['group'] = this.#reference('ExperimenterGroup', stored.group);
      details['permissions'] = this.#permissions(permissionsOf(this.#store, stored.group), stored);
    }
    const known = stored.fields[externalInfo];
    if (typeof known === 'number') details['externalInfo'] = this.#reference('ExternalInfo', known);
    return details;
  }

  /** `restrictions` tells the asker what he may not do: link, edit, delete, annotate, change group, change owner. */
  #permissions(permissions: GroupPermissions, stored: Stored): IceObject {
    const mayLink = this.#actor.canLink(stored, stored.class.name);
    const mayAnnotate = this.#actor.canLink(stored, `${stored.class.name}AnnotationLink`);
    const mayEdit = this.#actor.canEdit(stored);
    const mayDelete = this.#actor.canEdit(stored, 'DeleteOwned');
    const restrictions = [
      !mayLink,
      !mayEdit,
      !mayDelete,
      !mayAnnotate,
      !this.#actor.has('Chgrp'),
      !this.#actor.has('Chown'),
    ];
    return { $type: '::omero::model::Permissions', restrictions, perm1: permissionBits[permissions] };
  }
}
