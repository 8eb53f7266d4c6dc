/**
 * Sets one member of the object in a JSON text and leaves every other character as it is: numbers, order, spacing and
 * what another program put there.
 *
 * @param text valid JSON whose value is an object
 * @param value JSON text of the member's new value
 */
export function setJsonMember(text: string, key: string, value: string): string {
  const { members, end } = scan(text);
  // Of equal keys the last one counts, for JSON.parse and for Python.
  const member = members.findLast((m) => m.key === key);
  if (member) return text.slice(0, member.start) + value + text.slice(member.end);
  const last = members.at(-1);
  const at = last ? last.end : end;
  const newLine = text.includes('\n') ? '\n' : '';
  const lead = last ? `,${newLine || ' '}` : newLine;
  return `${text.slice(0, at)}${lead}${newLine ? indentOf(text) : ''}${JSON.stringify(key)}: ${value}${last ? '' : newLine}${text.slice(at)}`;
}

/** Spaces or tabs that begin the first indented line; four spaces when there is none, as Python's tools write. */
export function indentOf(text: string): string {
  return /\n([ \t]+)\S/.exec(text)?.[1] ?? '    ';
}

/** JSON in ASCII alone, which every program reads whatever its locale. */
export function asciiJson(value: unknown, indent: string): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

interface Member {
  key: string;
  /** Where its value begins and ends. */
  start: number;
  end: number;
}

/** Members of the outermost object, and where its closing brace stands. */
function scan(text: string): { members: Member[]; end: number } {
  const members: Member[] = [];
  let depth = 0;
  let key: string | null = null;
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? '';
    if (/\s|\ufeff/.test(c)) continue;
    const atEnd = depth === 1 && (c === ',' || c === '}');
    if (atEnd && key !== null && start >= 0) {
      members.push({ key, start, end: start + text.slice(start, at).trimEnd().length });
      key = null;
      start = -1;
    }
    if (c === '}' && depth === 1) return { members, end: at };
    if (c === '"') {
      const close = closingQuote(text, at);
      if (depth === 1 && key === null) key = JSON.parse(text.slice(at, close + 1)) as string;
      else if (start < 0 && depth === 1) start = at;
      at = close;
      continue;
    }
    if (depth === 1 && key !== null && start < 0 && c !== ':') start = at;
    if (c === '{' || c === '[') depth++;
    if (c === '}' || c === ']') depth--;
  }
  throw new Error('no JSON object');
}

function closingQuote(text: string, open: number): number {
  let at = open + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
