import type { IceInput } from './input.ts';
import type { IceSchema, SliceShape } from './schema.ts';
import { smallestSize, type IceType } from './types.ts';
import { IceException, IceMarshalError, type IceObject } from './values.ts';

/**
 * Reads the values of one encapsulation in encoding 1.0. An instance of a class that the schema lacks becomes one of its
 * nearest known base (`$sliced` keeps what it was), at the latest a bare `::Ice::Object`. Nothing recurses over the
 * sender's data: references are made first and filled when their instance comes.
 */
export class IceDecoder {
  readonly #schema: IceSchema;
  readonly #in: IceInput;
  readonly #instances = new Map<number, IceObject>();
  readonly #missing = new Set<number>();
  readonly #typeIds: string[] = [];

  constructor(schema: IceSchema, input: IceInput) {
    this.#schema = schema;
    this.#in = input;
  }

  /** Reads values, then the instances they refer to when `withInstances`; all bytes must be used. */
  values(types: readonly IceType[], withInstances: boolean): unknown[] {
    const values = types.map((type) => this.#value(type));
    if (withInstances) this.#readInstances();
    this.#in.expectEnd();
    return values;
  }

  /** Reads a user exception; of an unknown one its nearest known base. */
  exception(): IceException {
    const withInstances = this.#in.bool();
    const members: Record<string, unknown> = {};
    let first = '';
    while (this.#in.remaining > 0) {
      const typeId = this.#in.string();
      first ||= typeId;
      const known = this.#schema.exceptionLineage(typeId);
      if (known.length === 0) {
        this.#in.sized(() => undefined);
        continue;
      }
      for (const [i, slice] of known.entries()) {
        if (i > 0 && this.#in.string() !== slice.typeId) throw new IceMarshalError(`${slice.typeId} is missing`);
        this.#slice(slice, members);
      }
      if (withInstances) this.#readInstances();
      return new IceException(typeId, members);
    }
    throw new IceMarshalError(`an exception of no known type: ${first}`);
  }

  #value(type: IceType): unknown {
    const input = this.#in;
    switch (type.kind) {
      case 'enum':
        return input.byte();
      case 'bytes':
        return input.raw(input.count(1));
      case 'class':
        return this.#reference();
      case 'sequence': {
        const list: unknown[] = [];
        for (let left = input.count(smallestSize(type.element)); left > 0; left--) list.push(this.#value(type.element));
        return list;
      }
      case 'dictionary': {
        const map = new Map<unknown, unknown>();
        const smallest = smallestSize(type.key) + smallestSize(type.value);
        for (let left = input.count(smallest); left > 0; left--) {
          const key = this.#value(type.key);
          map.set(key, this.#value(type.value));
        }
        return map;
      }
      case 'bool':
      case 'byte':
      case 'short':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'string':
      case 'proxy':
        return input[type.kind]();
    }
  }

  #reference(): IceObject | null {
    const index = -this.#in.int();
    if (index === 0) return null;
    if (index < 0) throw new IceMarshalError('an instance stands where a reference belongs');
    const known = this.#instances.get(index);
    if (known) return known;
    const object: IceObject = { $type: '::Ice::Object' };
    this.#instances.set(index, object);
    this.#missing.add(index);
    return object;
  }

  #readInstances(): void {
    const read = new Set<number>();
    for (;;) {
      const count = this.#in.count(6);
      if (count === 0) break;
      for (let left = count; left > 0; left--) {
        const index = this.#in.int();
        if (index <= 0) throw new IceMarshalError(`${index} is no number of an instance`);
        if (read.has(index)) throw new IceMarshalError(`instance ${index} comes twice`);
        read.add(index);
        const object = this.#instances.get(index) ?? { $type: '::Ice::Object' };
        this.#instances.set(index, object);
        this.#missing.delete(index);
        this.#instance(object);
      }
    }
    for (const index of this.#missing) throw new IceMarshalError(`instance ${index} is referred to and never comes`);
  }

  #instance(object: IceObject): void {
    let known: readonly SliceShape[] | null = null;
    let first: string | null = null;
    for (;;) {
      const typeId = this.#typeId();
      first ??= typeId;
      if (typeId === '::Ice::Object') break;
      known ??= this.#knownFrom(object, typeId);
      const slice = known?.find((s) => s.typeId === typeId);
      if (slice) this.#slice(slice, object);
      else if (known) throw new IceMarshalError(`${typeId} is no base of ${object.$type}`);
      else this.#in.sized(() => undefined);
    }
    if (known === null) object.$type = '::Ice::Object';
    if (first !== null && first !== object.$type) object.$sliced = first;
    this.#in.sized(() => {
      if (this.#in.size() !== 0)
        throw new IceMarshalError('an instance ends with facets, which nothing sends any more');
    });
  }

  #knownFrom(object: IceObject, typeId: string): readonly SliceShape[] | null {
    const line = this.#schema.lineage(typeId);
    if (line.length === 0) return null;
    object.$type = typeId;
    return line;
  }

  /** Members appended by a newer server stay unread: a slice says how long it is. */
  #slice(slice: SliceShape, into: Record<string, unknown>): void {
    this.#in.sized(() => {
      for (const { name, type } of slice.members) into[name] = this.#value(type);
    });
  }

  #typeId(): string {
    if (!this.#in.bool()) {
      const typeId = this.#in.string();
      this.#typeIds.push(typeId);
      return typeId;
    }
    const index = this.#in.size();
    const typeId = this.#typeIds[index - 1];
    if (typeId === undefined) throw new IceMarshalError(`type number ${index} was never given`);
    return typeId;
  }
}
