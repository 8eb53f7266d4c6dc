import { IceOutput } from './output.ts';
import type { IceSchema, SliceShape } from './schema.ts';
import type { IceType } from './types.ts';
import { IceException, IceMarshalError, type IceObject, type IceProxy } from './values.ts';

/**
 * Writes the values of one encapsulation in encoding 1.0: an instance is written as a reference, and once after all
 * values, so that shared and cyclic references need no recursion. A member that an object lacks is written as its
 * type's default; a member that its class lacks is an error.
 */
export class IceEncoder {
  readonly #schema: IceSchema;
  readonly #out: IceOutput;
  readonly #indexes = new Map<IceObject, number>();
  readonly #typeIndexes = new Map<string, number>();
  #waiting: IceObject[] = [];

  constructor(schema: IceSchema, out: IceOutput) {
    this.#schema = schema;
    this.#out = out;
  }

  /** Writes values, then the instances they refer to when `withInstances`. */
  values(types: readonly IceType[], values: readonly unknown[], withInstances: boolean): void {
    if (values.length !== types.length)
      throw new IceMarshalError(`${types.length} values are wanted and ${values.length} given`);
    types.forEach((type, i) => this.#value(type, values[i], `value ${i + 1}`));
    if (withInstances) this.#instances();
  }

  /** Writes a user exception with the slices of its bases. */
  exception(exception: IceException): void {
    const line = this.#schema.exceptionLineage(exception.typeId);
    if (line.length === 0) throw new IceMarshalError(`the schema has no exception ${exception.typeId}`);
    this.#out.bool(false);
    for (const slice of line) {
      this.#out.string(slice.typeId);
      this.#slice(slice, exception.members);
    }
    if (this.#waiting.length > 0) throw new IceMarshalError('instances in exceptions are not written');
  }

  #value(type: IceType, value: unknown, where: string): void {
    switch (type.kind) {
      case 'bool':
        return this.#out.bool(expect(value ?? false, 'boolean', where));
      case 'byte':
      case 'enum':
        return this.#out.byte(expect(value ?? 0, 'number', where));
      case 'short':
      case 'int':
      case 'float':
      case 'double':
        return this.#out[type.kind](expect(value ?? 0, 'number', where));
      case 'long':
        return this.#out.long(typeof value === 'bigint' ? value : expect(value ?? 0, 'number', where));
      case 'string':
        return this.#out.string(expect(value ?? '', 'string', where));
      case 'bytes': {
        const bytes = value ?? new Uint8Array();
        if (!(bytes instanceof Uint8Array)) throw new IceMarshalError(`${where} is no Uint8Array`);
        this.#out.size(bytes.length);
        return this.#out.raw(bytes);
      }
      case 'proxy':
        return this.#out.proxy((value ?? null) as IceProxy | null);
      case 'class':
        return this.#reference(type.typeId, value ?? null, where);
      case 'sequence': {
        const list: unknown = value ?? [];
        if (!Array.isArray(list)) throw new IceMarshalError(`${where} is no array`);
        this.#out.size(list.length);
        for (const element of list) this.#value(type.element, element, where);
        return;
      }
      case 'dictionary': {
        const map = value ?? new Map<unknown, unknown>();
        if (!(map instanceof Map)) throw new IceMarshalError(`${where} is no Map`);
        this.#out.size(map.size);
        for (const [key, element] of map) {
          this.#value(type.key, key, where);
          this.#value(type.value, element, where);
        }
        return;
      }
    }
  }

  /** Encoding 1.0 writes 0 for null, else the negative of the instance's number. */
  #reference(declared: string | null, value: unknown, where: string): void {
    if (value === null) return this.#out.int(0);
    if (typeof value !== 'object' || !('$type' in value) || typeof value.$type !== 'string')
      throw new IceMarshalError(`${where} is no class instance`);
    const object = value as IceObject;
    let index = this.#indexes.get(object);
    if (index === undefined) {
      if (!this.#schema.classes.has(object.$type)) throw new IceMarshalError(`the schema has no class ${object.$type}`);
      index = this.#indexes.size + 1;
      this.#indexes.set(object, index);
      this.#waiting.push(object);
    }
    if (declared !== null && this.#schema.classes.has(declared) && !this.#schema.isA(object.$type, declared))
      throw new IceMarshalError(`${where} must be a ${declared}, not a ${object.$type}`);
    this.#out.int(-index);
  }

  #instances(): void {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#out.size(batch.length);
      for (const object of batch) {
        this.#out.int(this.#indexes.get(object) ?? 0);
        this.#instance(object);
      }
    }
    this.#out.size(0);
  }

  #instance(object: IceObject): void {
    const line = this.#schema.lineage(object.$type);
    const unknown = Object.keys(object).find((k) => !k.startsWith('$') && !line.some((s) => hasMember(s, k)));
    if (unknown !== undefined) throw new IceMarshalError(`${object.$type} has no member ${unknown}`);
    for (const slice of line) {
      this.#typeId(slice.typeId);
      this.#slice(slice, object);
    }
    // Every instance ends with a slice of the root class, in which an empty dictionary stands for old facets.
    this.#typeId('::Ice::Object');
    this.#out.sized(() => this.#out.size(0));
  }

  #slice(slice: SliceShape, members: Readonly<Record<string, unknown>>): void {
    this.#out.sized(() => {
      for (const { name, type } of slice.members) this.#value(type, members[name], `${slice.typeId}.${name}`);
    });
  }

  /** A type id is written as text once per encapsulation, then by its number. */
  #typeId(typeId: string): void {
    const index = this.#typeIndexes.get(typeId);
    this.#out.bool(index !== undefined);
    if (index !== undefined) return this.#out.size(index);
    this.#typeIndexes.set(typeId, this.#typeIndexes.size + 1);
    this.#out.string(typeId);
  }
}

function hasMember(slice: SliceShape, name: string): boolean {
  return slice.members.some((member) => member.name === name);
}

interface Typed {
  boolean: boolean;
  number: number;
  string: string;
}

function expect<K extends keyof Typed>(value: unknown, kind: K, where: string): Typed[K] {
  if (typeof value !== kind) throw new IceMarshalError(`${where} must be a ${kind}, not a ${typeof value}`);
  return value as Typed[K];
}
