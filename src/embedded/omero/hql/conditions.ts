import type { Aliases, PathValue, Row } from './aliases.ts';
import type { Comparison, Condition, Operand } from './syntax.ts';
import { HqlError } from './tokens.ts';
import { compare, matchesLike, valueOf, type Parameters, type ReadMember, type Value } from './values.ts';

/** One of the conditions that all must hold, ready to be asked of a row. */
export interface Check {
  /** Highest index among the aliases it looks at: it can be asked once these are bound. */
  readonly lastAlias: number;
  /** True, false, or null for unknown. */
  holds(row: Row): boolean | null;
  /** Set for `path = value` and `path in (values)`: what an index can answer. */
  readonly lookup: { readonly path: PathValue; readonly values: ReadonlySet<Value> } | null;
}

interface Getter {
  readonly path: PathValue | null;
  readonly lastAlias: number;
  get(row: Row): Value;
}

/** Compiles the where clause to checks; counts which parameters were used. */
export class Conditions {
  readonly usedParameters = new Set<string>();
  readonly #aliases: Aliases;
  readonly #parameters: Parameters;
  readonly #read: ReadMember;

  constructor(aliases: Aliases, parameters: Parameters, read: ReadMember) {
    this.#aliases = aliases;
    this.#parameters = parameters;
    this.#read = read;
  }

  compile(where: Condition | null): Check[] {
    if (!where) return [];
    return where.kind === 'and' ? where.parts.flatMap((part) => this.compile(part)) : [this.#check(where)];
  }

  #check(condition: Condition): Check {
    switch (condition.kind) {
      case 'and':
      case 'or':
        return this.#several(
          condition.kind,
          condition.parts.map((part) => this.#check(part)),
        );
      case 'not': {
        const part = this.#check(condition.part);
        return { lastAlias: part.lastAlias, holds: (row) => negate(part.holds(row)), lookup: null };
      }
      case 'compare':
        return this.#comparison(condition.operator, this.#operand(condition.left), this.#operand(condition.right));
      case 'in':
        return this.#membership(this.#operand(condition.left), condition.list, condition.negated);
      case 'like':
        return this.#like(this.#operand(condition.left), this.#operand(condition.pattern), condition.negated);
      case 'null': {
        const left = this.#operand(condition.left);
        const { negated } = condition;
        return { lastAlias: left.lastAlias, holds: (row) => (left.get(row) === null) !== negated, lookup: null };
      }
    }
  }

  #several(kind: 'and' | 'or', parts: readonly Check[]): Check {
    const decisive = kind === 'or';
    return {
      lastAlias: Math.max(...parts.map((p) => p.lastAlias)),
      holds: (row) => {
        let unknown = false;
        for (const part of parts) {
          const held = part.holds(row);
          if (held === decisive) return decisive;
          unknown ||= held === null;
        }
        return unknown ? null : !decisive;
      },
      lookup: null,
    };
  }

  #comparison(operator: Comparison, left: Getter, right: Getter): Check {
    const lookup =
      operator === '=' && left.path && right.lastAlias < 0
        ? { path: left.path, values: new Set([right.get([])]) }
        : null;
    return {
      lastAlias: Math.max(left.lastAlias, right.lastAlias),
      holds: (row) => {
        const order = compare(left.get(row), right.get(row));
        return order === null ? null : ordered[operator](order);
      },
      lookup,
    };
  }

  #membership(left: Getter, list: readonly Operand[], negated: boolean): Check {
    const values = new Set<Value>();
    for (const operand of list) {
      const given = operand.kind === 'parameter' ? this.#parameter(operand.name) : this.#constant(operand);
      for (const value of Array.isArray(given) ? (given as readonly Value[]) : [given as Value]) values.add(value);
    }
    // Hibernate sends `in ()` to the database, which refuses it.
    if (values.size === 0) throw new HqlError('in () without a value: an empty list was given');
    const [first] = values;
    return {
      lastAlias: left.lastAlias,
      holds: (row) => {
        const value = left.get(row);
        if (value === null) return null;
        compare(value, first ?? null);
        const found = values.has(value);
        return found ? !negated : values.has(null) ? null : negated;
      },
      lookup: left.path && !negated ? { path: left.path, values } : null,
    };
  }

  #like(left: Getter, pattern: Getter, negated: boolean): Check {
    return {
      lastAlias: Math.max(left.lastAlias, pattern.lastAlias),
      holds: (row) => {
        const text = left.get(row);
        const like = pattern.get(row);
        if (text === null || like === null) return null;
        if (typeof text !== 'string' || typeof like !== 'string') throw new HqlError('like compares texts');
        return matchesLike(text, like) !== negated;
      },
      lookup: null,
    };
  }

  #operand(operand: Operand): Getter {
    if (operand.kind === 'path') {
      const path = this.#aliases.resolve(operand.path);
      return { path, lastAlias: path.alias, get: (row) => valueOf(path, row, this.#read) };
    }
    if (operand.kind === 'parameter' || operand.kind === 'literal') {
      const value = operand.kind === 'literal' ? operand.value : this.#parameter(operand.name);
      if (Array.isArray(value)) throw new HqlError('a list stands where one value is expected');
      return { path: null, lastAlias: -1, get: () => value as Value };
    }
    const of = this.#operand(operand.of);
    const change = operand.kind === 'lower' ? (s: string) => s.toLowerCase() : (s: string) => s.toUpperCase();
    const get = (row: Row): Value => {
      const value = of.get(row);
      if (value !== null && typeof value !== 'string') throw new HqlError(`${operand.kind} takes a text`);
      return value === null ? null : change(value);
    };
    return { path: null, lastAlias: of.lastAlias, get };
  }

  #constant(operand: Operand): Value {
    const getter = this.#operand(operand);
    if (getter.lastAlias >= 0) throw new HqlError('a list after in holds values and parameters only');
    return getter.get([]);
  }

  #parameter(name: string): Value | readonly Value[] {
    const value = this.#parameters.get(name);
    if (value === undefined) throw new HqlError(`not all named parameters have been set: [${name}]`);
    this.usedParameters.add(name);
    return value;
  }
}

const ordered: Readonly<Record<Comparison, (order: number) => boolean>> = {
  '=': (o) => o === 0,
  '<>': (o) => o !== 0,
  '<': (o) => o < 0,
  '>': (o) => o > 0,
  '<=': (o) => o <= 0,
  '>=': (o) => o >= 0,
};

function negate(held: boolean | null): boolean | null {
  return held === null ? null : !held;
}
