import { IceSchema } from './ice/schema.ts';
import type { IceObject } from './ice/values.ts';
import { rlong } from './rtypes.ts';

/** A new object to save: loaded, with its collections loaded and empty. `type` is short: `Dataset`. */
export function newObject(type: string, members: Record<string, unknown>): IceObject {
  const $type = `::omero::model::${type}`;
  const object: IceObject = { $type, loaded: true };
  for (const slice of IceSchema.omero().lineage($type))
    for (const { name, type: memberType } of slice.members)
      if (name.endsWith('Loaded') && memberType.kind === 'bool') object[name] = true;
  return { ...object, ...members };
}

/** A reference to a stored object. */
export function reference(type: string, id: number): IceObject {
  return { $type: `::omero::model::${type}`, id: rlong(id), loaded: false };
}
