/**
 * Types of the schema's notation: primitives by name, `enum` (an enumeration of at most 128 values: one byte), `bytes`,
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
  switch (type.kind) {
    case 'class':
      return true;
    case 'sequence':
      return holdsInstances(type.element);
    case 'dictionary':
      return holdsInstances(type.key) || holdsInstances(type.value);
    default:
      return false;
  }
}

/** The fewest bytes that one value takes: no sequence of a message can hold more than the rest divided by it. */
export function smallestSize(type: IceType): number {
  switch (type.kind) {
    case 'short':
    case 'proxy':
      return 2;
    case 'int':
    case 'float':
    case 'class':
      return 4;
    case 'long':
    case 'double':
      return 8;
    default:
      return 1;
  }
}
