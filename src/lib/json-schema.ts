/**
 * The part of JSON Schema (2020-12) in which our schemas are written, and a check of values against it. Only keywords
 * that stand in `JsonSchema` may be used; the test compares the verdicts with those of Python's `jsonschema`.
 */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  /** The expected form in words, for people; other programs pass it over. */
  readonly 'x-form'?: string;
  readonly type?: JsonType | readonly JsonType[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
}

export type JsonType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';

export interface Violation {
  /** Keys and indexes that lead to the value. */
  readonly path: readonly string[];
  /** The keyword that it does not satisfy. */
  readonly keyword: keyof JsonSchema;
  /** What it was held against. */
  readonly schema: JsonSchema;
  /** Undefined where something is missing. */
  readonly value: unknown;
}

/** Everything in which a value of JSON differs from a schema, in the order of the value. */
export function violations(schema: JsonSchema, value: unknown, path: readonly string[] = []): Violation[] {
  const found = (keyword: keyof JsonSchema): Violation[] => [{ path, keyword, schema, value }];
  const types = schema.type === undefined ? null : [schema.type].flat();
  if (types && !types.some((type) => isOfType(value, type))) return found('type');
  if (schema.enum && !schema.enum.includes(value)) return found('enum');
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum) return found('minimum');
    if (schema.maximum !== undefined && value > schema.maximum) return found('maximum');
  }
  if (typeof value === 'string') {
    // Code points, as the standard counts.
    if (schema.minLength !== undefined && [...value].length < schema.minLength) return found('minLength');
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) return found('pattern');
  }
  const { items } = schema;
  if (Array.isArray(value))
    return items ? value.flatMap((item: unknown, i) => violations(items, item, [...path, String(i)])) : [];
  if (typeof value === 'object' && value !== null) return ofObject(schema, value, path);
  return [];
}

function ofObject(schema: JsonSchema, value: object, path: readonly string[]): Violation[] {
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key));
  const all = missing.map((key): Violation => ({
    path: [...path, key],
    keyword: 'required',
    schema: schema.properties?.[key] ?? {},
    value: undefined,
  }));
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, key];
    const own = Object.hasOwn(schema.properties ?? {}, key) ? [schema.properties?.[key] ?? {}] : [];
    const matching = Object.entries(schema.patternProperties ?? {}).filter(([p]) => new RegExp(p, 'u').test(key));
    const schemas = [...own, ...matching.map(([, s]) => s)];
    for (const one of schemas) all.push(...violations(one, inner, at));
    if (schemas.length) continue;
    const others = schema.additionalProperties;
    if (others === false) all.push({ path: at, keyword: 'additionalProperties', schema, value: inner });
    else if (typeof others === 'object') all.push(...violations(others, inner, at));
  }
  return all;
}

function isOfType(value: unknown, type: JsonType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
  }
}
