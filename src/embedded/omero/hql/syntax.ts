/** A query as written; `plan.ts` gives it meaning. */
export interface Query {
  readonly distinct: boolean;
  /** Null for `from X x …`: the objects themselves. */
  readonly select: readonly Selected[] | null;
  readonly from: { readonly className: string; readonly alias: string };
  readonly joins: readonly Join[];
  readonly where: Condition | null;
  readonly orderBy: readonly { readonly path: Path; readonly descending: boolean }[];
}

/** `a.b.c`: alias, then members. */
export type Path = readonly string[];

export type Selected =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'count'; readonly path: Path | null; readonly distinct: boolean };

export interface Join {
  readonly kind: 'inner' | 'left';
  readonly fetch: boolean;
  readonly path: Path;
  readonly alias: string | null;
}

export type Operand =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'lower' | 'upper'; readonly of: Operand };

export type Comparison = '=' | '<>' | '<' | '>' | '<=' | '>=';

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Operand; readonly right: Operand }
  | { readonly kind: 'in'; readonly left: Operand; readonly list: readonly Operand[]; readonly negated: boolean }
  | { readonly kind: 'like'; readonly left: Operand; readonly pattern: Operand; readonly negated: boolean }
  | { readonly kind: 'null'; readonly left: Operand; readonly negated: boolean };
