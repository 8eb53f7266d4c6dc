import { IceSchema } from '../../omero/ice/schema.ts';
import type { IceType } from '../../omero/ice/types.ts';
import { collections, globalClasses, javaNameOf } from './collections.ts';

export type Scalar = 'string' | 'int' | 'long' | 'double' | 'bool' | 'time';

/** One member of a class, by its name in queries (`imageLinks`, which is `imageLinksSeq` on the wire). */
export type Field =
  | { readonly kind: 'scalar'; readonly name: string; readonly type: Scalar }
  | { readonly kind: 'reference'; readonly name: string; readonly to: string }
  | { readonly kind: 'collection'; readonly name: string; readonly of: string; readonly by: string }
  | { readonly kind: 'pairs'; readonly name: string }
  /** A byte sequence, kept as Base64; no value of a query, as in OMERO. */
  | { readonly kind: 'bytes'; readonly name: string }
  | { readonly kind: 'measure'; readonly name: string; readonly typeId: string }
  /** On the wire and not kept here: saving one that is set is refused. */
  | { readonly kind: 'absent'; readonly name: string; readonly member: string };

export interface ModelClass {
  readonly name: string;
  readonly typeId: string;
  readonly javaName: string;
  /** The class itself and its bases below IObject. */
  readonly ancestors: ReadonlySet<string>;
  /** The topmost of them: ids are counted for it, as OMERO keeps subclasses in one table. */
  readonly root: string;
  readonly fields: ReadonlyMap<string, Field>;
}

/** The one of an object's details that clients may set: it travels in `details` and is kept as a reference. */
export const externalInfo = 'details.externalInfo';

const prefix = '::omero::model::';
const rootClass = `${prefix}IObject`;
const scalars: Readonly<Record<string, Scalar>> = {
  '::omero::RString': 'string',
  '::omero::RInt': 'int',
  '::omero::RLong': 'long',
  '::omero::RDouble': 'double',
  '::omero::RBool': 'bool',
  '::omero::RTime': 'time',
};

/** The classes that are stored, as the schema of the wire describes them. */
export class Model {
  readonly classes: ReadonlyMap<string, ModelClass>;
  readonly #concrete = new Map<string, readonly ModelClass[]>();

  constructor(schema: IceSchema) {
    const classes = new Map<string, ModelClass>();
    for (const typeId of schema.classes.keys()) {
      if (typeId === rootClass || !typeId.startsWith(prefix) || !schema.isA(typeId, rootClass)) continue;
      const described = describe(schema, typeId);
      classes.set(described.name, described);
    }
    this.classes = classes;
  }

  /** Finds a class by `Image`, `omero.model.Image`, `::omero::model::Image` or `ome.model.core.Image`; null: unknown. */
  find(name: string): ModelClass | null {
    return this.classes.get(name) ?? this.classes.get(/(\w+)$/.exec(name)?.[1]?.replace(/I$/, '') ?? '') ?? null;
  }

  get(name: string): ModelClass {
    const found = this.classes.get(name);
    if (!found) throw new Error(`the model has no class ${name}`);
    return found;
  }

  /** The class and its subclasses; of `IObject`, all classes. */
  family(name: string): readonly ModelClass[] {
    let family = this.#concrete.get(name);
    if (!family) {
      family = [...this.classes.values()].filter((c) => name === 'IObject' || c.ancestors.has(name));
      this.#concrete.set(name, family);
    }
    return family;
  }

  /** A member of the class or of one of its subclasses, which queries may name too. */
  field(className: string, field: string): Field | null {
    for (const candidate of this.family(className)) {
      const found = candidate.fields.get(field);
      if (found) return found;
    }
    return null;
  }
}

let omero: Model | null = null;

/** The model of OMERO's schema, made once. */
export function omeroModel(): Model {
  omero ??= new Model(IceSchema.omero());
  return omero;
}

function describe(schema: IceSchema, typeId: string): ModelClass {
  const name = typeId.slice(prefix.length);
  const slices = schema.lineage(typeId).filter((slice) => slice.typeId !== rootClass);
  const ancestors = slices.map((slice) => slice.typeId.slice(prefix.length));
  const fields = new Map<string, Field>();
  for (const slice of slices.toReversed())
    for (const member of slice.members) {
      const field = fieldOf(schema, ancestors, member.name, member.type);
      if (field) fields.set(field.name, field);
    }
  const root = ancestors.at(-1) ?? name;
  if (!globalClasses.has(name) && name !== 'ExternalInfo')
    fields.set(externalInfo, { kind: 'reference', name: externalInfo, to: 'ExternalInfo' });
  return { name, typeId, javaName: javaNameOf(name), ancestors: new Set(ancestors), root, fields };
}

function fieldOf(schema: IceSchema, ancestors: readonly string[], member: string, type: IceType): Field | null {
  if (type.kind === 'dictionary' || type.kind === 'bool') return null;
  if (type.kind === 'bytes') return { kind: 'bytes', name: member };
  if (type.kind === 'class') {
    const { typeId } = type;
    if (typeId === null) return { kind: 'absent', name: member, member };
    const scalar = scalars[typeId];
    if (scalar) return { kind: 'scalar', name: member, type: scalar };
    if (schema.isA(typeId, rootClass)) return { kind: 'reference', name: member, to: typeId.slice(prefix.length) };
    if (typeId === `${prefix}Length`) return { kind: 'measure', name: member, typeId };
    return { kind: 'absent', name: member, member };
  }
  if (type.kind === 'sequence' && type.element.kind === 'class') {
    if (type.element.typeId === `${prefix}NamedValue`) return { kind: 'pairs', name: member };
    const name = member.replace(/Seq$/, '');
    for (const ancestor of ancestors) {
      const known = collections[`${ancestor}.${name}`];
      if (known) return { kind: 'collection', name, of: known[0], by: known[1] };
      const links = `${ancestor}AnnotationLink`;
      if (name === 'annotationLinks' && schema.classes.has(`${prefix}${links}`))
        return { kind: 'collection', name, of: links, by: 'parent' };
    }
    return { kind: 'absent', name, member };
  }
  return { kind: 'absent', name: member, member };
}
