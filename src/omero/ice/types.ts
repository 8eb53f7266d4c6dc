/**
 * Types of the schema's notation: primitives by name, `enum` (an enumeration of at most 127 values: one byte), `bytes`,
 * `[T]` a sequence, `{K:V}` a dictionary, `*` a proxy, `@` an instance of any class, `::x::Y` an instance of that class.
 */
export type Primitive = 'bool' | 'byte' | 'short' | 'int' | 'long' | 'float' | 'double' | 'string' | 'enum' | 'bytes';

export type IceType =
  | { readonly kind: Primitive | 'proxy' }
  | { readonly kind: 'class'; readonly typeId: string | null }
  | { readonly kind: 'sequence'; readonly element: IceType }
  | { readonly kind: 'dictionary'; readonly key: IceType; readonly value: IceType };

const primitives = new Set(['bool', 'byte', 'short', 'int', 'long', 'float', 'double', 'string', 'enum', 'bytes']);

/** Parses one type of the notation; a wrong one is a programmer's error. */
export function parseType(text: string): IceType {
  if (primitives.has(text)) return { kind: text as Primitive };
  if (text === '*') return { kind: 'proxy' };
  if (text === '@') return { kind: 'class', typeId: null };
  if (text.startsWith('::')) return { kind: 'class', typeId: text };
  if (text.startsWith('[') && text.endsWith(']')) return { kind: 'sequence', element: parseType(text.slice(1, -1)) };
  const dictionary = /^\{(\w+):(.+)\}$/.exec(text);
  if (dictionary?.[1] && dictionary[2])
    return { kind: 'dictionary', key: parseType(dictionary[1]), value: parseType(dictionary[2]) };
  throw new Error(`no such Ice type: ${text}`);
}

/** Whether values of the type refer to class instances, which follow after the values. */
export function holdsInstances(type: IceType): boolean {
  if (type.kind === 'sequence') return holdsInstances(type.element);
  if (type.kind === 'dictionary') return holdsInstances(type.key) || holdsInstances(type.value);
  return type.kind === 'class';
}

const smallestSizes: Readonly<Record<IceType['kind'], number>> = {
  bool: 1,
  byte: 1,
  enum: 1,
  short: 2,
  int: 4,
  long: 8,
  float: 4,
  double: 8,
  string: 1,
  bytes: 1,
  proxy: 2,
  class: 4,
  sequence: 1,
  dictionary: 1,
};

/** The fewest bytes that one value takes: no sequence of a message can hold more than the rest divided by it. */
export function smallestSize(type: IceType): number {
  return smallestSizes[type.kind];
}
