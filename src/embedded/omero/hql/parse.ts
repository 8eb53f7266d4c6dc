import type { Comparison, Condition, Join, Operand, Path, Query, Selected } from './syntax.ts';
import { HqlError, tokenize, type Token } from './tokens.ts';

const comparisons: Readonly<Record<string, Comparison>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '>': '>',
  '<=': '<=',
  '>=': '>=',
};
/** Words that cannot be an alias; those of HQL that are not understood here are among them, to be refused by name. */
const reserved = new Set(
  (
    'select distinct from as inner left right full outer join fetch where order group having by asc desc and or not in like ' +
    'is null true false between exists count with union member of elements indices size min max sum avg class new update delete'
  ).split(' '),
);
const maxDepth = 200;

/** Parses the subset of HQL described in `README.md`; throws HqlError for everything else. */
export function parseHql(text: string): Query {
  return new Parser(tokenize(text)).query();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  query(): Query {
    let distinct = false;
    let select: Selected[] | null = null;
    if (this.#takeWord('select')) {
      distinct = this.#takeWord('distinct');
      select = this.#list(() => this.#selected());
    }
    this.#expectWord('from');
    const className = this.#qualifiedName();
    this.#takeWord('as');
    const alias = this.#alias() ?? this.#refuse('the class needs an alias');
    if (this.#isSymbol(',')) this.#refuse('only one class can be named after from');
    const joins: Join[] = [];
    for (let join = this.#join(); join; join = this.#join()) joins.push(join);
    const where = this.#takeWord('where') ? this.#or() : null;
    const orderBy: Query['orderBy'][number][] = [];
    if (this.#takeWord('order')) {
      this.#expectWord('by');
      orderBy.push(
        ...this.#list(() => {
          const path = this.#path();
          const descending = this.#takeWord('desc');
          if (!descending) this.#takeWord('asc');
          return { path, descending };
        }),
      );
    }
    if (this.#token.kind !== 'end') this.#refuse(`${JSON.stringify(this.#token.text)} is not understood here`);
    return { distinct, select, from: { className, alias }, joins, where, orderBy };
  }

  #selected(): Selected {
    if (!this.#takeWord('count')) return { kind: 'path', path: this.#path() };
    this.#expectSymbol('(');
    const distinct = this.#takeWord('distinct');
    const path = !distinct && this.#takeSymbol('*') ? null : this.#path();
    this.#expectSymbol(')');
    return { kind: 'count', path, distinct };
  }

  #join(): Join | null {
    let kind: Join['kind'] = 'inner';
    if (this.#takeWord('left')) {
      this.#takeWord('outer');
      kind = 'left';
      this.#expectWord('join');
    } else if (this.#takeWord('inner')) this.#expectWord('join');
    else if (!this.#takeWord('join')) return null;
    const fetch = this.#takeWord('fetch');
    const path = this.#path();
    this.#takeWord('as');
    return { kind, fetch, path, alias: this.#alias() };
  }

  #or(): Condition {
    if (++this.#depth > maxDepth) this.#refuse('conditions are nested too deeply');
    const parts = [this.#and()];
    while (this.#takeWord('or')) parts.push(this.#and());
    this.#depth--;
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'or', parts };
  }

  #and(): Condition {
    const parts = [this.#not()];
    while (this.#takeWord('and')) parts.push(this.#not());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'and', parts };
  }

  #not(): Condition {
    if (++this.#depth > maxDepth) this.#refuse('conditions are nested too deeply');
    try {
      if (this.#takeWord('not')) return { kind: 'not', part: this.#not() };
      if (!this.#takeSymbol('(')) return this.#predicate();
      const inner = this.#or();
      this.#expectSymbol(')');
      return inner;
    } finally {
      this.#depth--;
    }
  }

  #predicate(): Condition {
    const left = this.#operand();
    const operator = this.#token.kind === 'symbol' ? comparisons[this.#token.text] : undefined;
    if (operator) {
      this.#at++;
      return { kind: 'compare', operator, left, right: this.#operand() };
    }
    if (this.#takeWord('is')) {
      const negated = this.#takeWord('not');
      this.#expectWord('null');
      return { kind: 'null', left, negated };
    }
    const negated = this.#takeWord('not');
    if (this.#takeWord('like')) return { kind: 'like', left, pattern: this.#operand(), negated };
    this.#expectWord('in');
    // Hibernate takes `in :ids` as well as `in (:ids)`.
    if (this.#token.kind === 'parameter') return { kind: 'in', left, list: [this.#operand()], negated };
    this.#expectSymbol('(');
    const list = this.#list(() => this.#operand());
    this.#expectSymbol(')');
    return { kind: 'in', left, list, negated };
  }

  #operand(): Operand {
    const token = this.#token;
    if (token.kind === 'parameter') {
      this.#at++;
      return { kind: 'parameter', name: token.text };
    }
    if (token.kind === 'text' || token.kind === 'number') {
      this.#at++;
      return { kind: 'literal', value: token.kind === 'text' ? token.text : Number(token.text) };
    }
    for (const value of [true, false]) if (this.#takeWord(String(value))) return { kind: 'literal', value };
    for (const kind of ['lower', 'upper'] as const) {
      if (token.text.toLowerCase() !== kind || this.#tokens[this.#at + 1]?.text !== '(') continue;
      this.#at += 2;
      if (++this.#depth > maxDepth) this.#refuse('functions are nested too deeply');
      const of = this.#operand();
      this.#depth--;
      this.#expectSymbol(')');
      return { kind, of };
    }
    return { kind: 'path', path: this.#path() };
  }

  #path(): Path {
    const first = this.#alias() ?? this.#refuse(`${JSON.stringify(this.#token.text)} is not understood here`);
    const path = [first];
    while (this.#takeSymbol('.')) {
      const { kind, text } = this.#token;
      if (kind !== 'word') this.#refuse('a member is missing after the dot');
      path.push(text);
      this.#at++;
    }
    if (this.#isSymbol('(')) this.#refuse(`the function ${path.join('.')} is not supported`);
    return path;
  }

  #qualifiedName(): string {
    let name = '';
    do {
      if (this.#token.kind !== 'word') this.#refuse('a class name is missing');
      name = this.#token.text;
      this.#at++;
    } while (this.#takeSymbol('.'));
    return name;
  }

  #alias(): string | null {
    const { kind, text } = this.#token;
    if (kind !== 'word' || reserved.has(text.toLowerCase())) return null;
    this.#at++;
    return text;
  }

  #list<T>(one: () => T): T[] {
    const list = [one()];
    while (this.#takeSymbol(',')) list.push(one());
    return list;
  }

  get #token(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', at: 0 };
  }

  #isSymbol(text: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text;
  }

  #takeSymbol(text: string): boolean {
    if (!this.#isSymbol(text)) return false;
    this.#at++;
    return true;
  }

  #takeWord(word: string): boolean {
    if (this.#token.kind !== 'word' || this.#token.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #expectSymbol(text: string): void {
    if (!this.#takeSymbol(text)) this.#refuse(`${text} is missing`);
  }

  #expectWord(word: string): void {
    if (!this.#takeWord(word)) this.#refuse(`${word} is missing`);
  }

  #refuse(reason: string): never {
    throw new HqlError(`${reason} (at ${this.#token.at})`);
  }
}
