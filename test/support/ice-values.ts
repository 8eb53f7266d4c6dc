/** Random values of the schema's types, for property tests of the codec and of what speaks through it. */
import * as fc from 'fast-check';
import type { IceSchema } from '../../src/omero/ice/schema.ts';
import type { IceType } from '../../src/omero/ice/types.ts';
import type { IceObject, IceProxy } from '../../src/omero/ice/values.ts';

/** Any value of a type; instances nest at most `depth` deep, below that references are null. */
export function anyValue(schema: IceSchema, type: IceType, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean();
    case 'byte':
      return fc.nat(255);
    case 'enum':
      return fc.nat(126);
    case 'short':
      return fc.integer({ min: -32768, max: 32767 });
    case 'int':
      return fc.integer();
    case 'long':
      return fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(asRead));
    case 'float':
      return fc.float({ noNaN: true });
    case 'double':
      return fc.double({ noNaN: true });
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 300 });
    case 'bytes':
      return fc.uint8Array({ maxLength: 300 });
    case 'proxy':
      return fc.option(anyProxy);
    case 'class':
      if (depth === 0) return fc.constant(null);
      return fc.oneof(
        fc.constant(null),
        fc.constantFrom(...concrete(schema, type.typeId)).chain((typeId) => anyInstance(schema, typeId, depth - 1)),
      );
    case 'sequence':
      return fc.array(anyValue(schema, type.element, depth), { maxLength: depth > 1 ? 2 : 4 });
    case 'dictionary':
      return fc
        .array(fc.tuple(anyValue(schema, type.key, depth), anyValue(schema, type.value, depth)), { maxLength: 3 })
        .map((pairs) => new Map(pairs));
  }
}

/** Any instance of exactly this class. */
export function anyInstance(schema: IceSchema, typeId: string, depth: number): fc.Arbitrary<IceObject> {
  const members = schema.lineage(typeId).flatMap((slice) => slice.members);
  const values = Object.fromEntries(members.map(({ name, type }) => [name, anyValue(schema, type, depth)]));
  return fc.record(values).map((record) => ({ ...record, $type: typeId }));
}

const name = fc.string({ minLength: 1, maxLength: 20 });
const anyEndpoint = fc.record({
  type: fc.integer({ min: 1, max: 5 }),
  body: fc.uint8Array({ minLength: 2, maxLength: 20 }),
});
const anyProxy: fc.Arbitrary<IceProxy> = fc
  .record({
    identity: fc.record({ category: fc.string({ maxLength: 20 }), name }),
    facet: fc.string({ maxLength: 5 }),
    mode: fc.nat(4),
    secure: fc.boolean(),
    endpoints: fc.array(anyEndpoint, { maxLength: 2 }),
    adapterId: fc.string({ maxLength: 5 }),
  })
  .map((proxy) => (proxy.endpoints.length > 0 ? { ...proxy, adapterId: '' } : proxy));

/** The decoder gives numbers where they are exact. */
function asRead(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function concrete(schema: IceSchema, typeId: string | null): string[] {
  const any = ['::omero::RLong', '::omero::RString', '::omero::model::MapAnnotation', '::omero::model::Image'];
  if (typeId === null) return any;
  return schema.classes.has(typeId) ? [...schema.classes.keys()].filter((id) => schema.isA(id, typeId)) : any;
}
