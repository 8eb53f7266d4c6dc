/**
 * Whether a text fits a pattern as Python's `fnmatch` has them: `*` any text, `?` one character, `[ab]` and `[!a-c]` one of
 * or none of them; case counts. Takes steps in the order of both lengths multiplied, whatever the pattern is.
 */
export function fitsPattern(text: string, pattern: string): boolean {
  const [characters, parts] = [[...text], partsOf(pattern)];
  let [at, part, star, from] = [0, 0, -1, 0];
  while (at < characters.length) {
    const wanted = parts[part];
    if (wanted === '*') {
      [star, from] = [part++, at];
    } else if (wanted?.(characters[at] ?? '')) {
      at++;
      part++;
    } else if (star >= 0) {
      // The last `*` takes one character more.
      part = star + 1;
      at = ++from;
    } else return false;
  }
  return parts.slice(part).every((p) => p === '*');
}

type Part = '*' | ((character: string) => boolean);

function partsOf(pattern: string): Part[] {
  const characters = [...pattern];
  const parts: Part[] = [];
  for (let at = 0; at < characters.length; at++) {
    const own = characters[at] ?? '';
    // A `]` that comes first is one of the characters.
    const end = own === '[' ? characters.indexOf(']', at + (characters[at + 1] === '!' ? 3 : 2)) : -1;
    if (own === '*') parts.push('*');
    else if (own === '?') parts.push(() => true);
    else if (end < 0) parts.push((character) => character === own);
    else {
      parts.push(oneOf(characters.slice(at + 1, end)));
      at = end;
    }
  }
  return parts;
}

function oneOf(list: readonly string[]): (character: string) => boolean {
  const none = list[0] === '!';
  const ranges: [string, string][] = [];
  for (let at = none ? 1 : 0; at < list.length; at++) {
    const from = list[at] ?? '';
    const to = list[at + 1] === '-' ? list[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== none;
}
