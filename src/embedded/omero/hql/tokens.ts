export type TokenKind = 'word' | 'parameter' | 'number' | 'text' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly at: number;
}

/** A query that this evaluator does not understand; the message says where. */
export class HqlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HqlError';
  }
}

const maxLength = 100_000;
const symbols = ['<>', '!=', '<=', '>=', '=', '<', '>', '(', ')', ',', '.', '*'];
const wordStart = /[A-Za-z_]/;
const wordPart = /[A-Za-z0-9_]/;
const digit = /[0-9]/;

/** Splits a query into words, `:parameters`, numbers, 'texts' (a quote inside is doubled) and symbols. */
export function tokenize(query: string): Token[] {
  if (query.length > maxLength) throw new HqlError(`a query of more than ${maxLength} characters`);
  const tokens: Token[] = [];
  let at = 0;
  const run = (from: number, part: RegExp): number => {
    let end = from;
    while (end < query.length && part.test(query.charAt(end))) end++;
    return end;
  };
  while (at < query.length) {
    const start = at;
    const c = query.charAt(at);
    if (/\s/.test(c)) {
      at++;
    } else if (wordStart.test(c)) {
      at = run(at, wordPart);
      tokens.push({ kind: 'word', text: query.slice(start, at), at: start });
    } else if (digit.test(c)) {
      at = run(at, digit);
      if (query.charAt(at) === '.' && digit.test(query.charAt(at + 1))) at = run(at + 1, digit);
      tokens.push({ kind: 'number', text: query.slice(start, at), at: start });
    } else if (c === ':') {
      at = run(at + 1, wordPart);
      if (at === start + 1) throw new HqlError(`a parameter without a name at ${start}`);
      tokens.push({ kind: 'parameter', text: query.slice(start + 1, at), at: start });
    } else if (c === "'") {
      let text = '';
      for (at++; ; at++) {
        if (at >= query.length) throw new HqlError(`a text without an end at ${start}`);
        if (query.charAt(at) !== "'") text += query.charAt(at);
        else if (query.charAt(at + 1) === "'") {
          text += "'";
          at++;
        } else break;
      }
      at++;
      tokens.push({ kind: 'text', text, at: start });
    } else {
      const symbol = symbols.find((s) => query.startsWith(s, at));
      if (symbol === undefined) throw new HqlError(`unexpected ${JSON.stringify(c)} at ${at}`);
      at += symbol.length;
      tokens.push({ kind: 'symbol', text: symbol, at: start });
    }
  }
  tokens.push({ kind: 'end', text: '', at: query.length });
  return tokens;
}
