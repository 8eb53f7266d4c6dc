/**
 * OMERO's own rewriting of a client path before it stores it (`FilesetEntry.clientPath`), by the server's default path
 * rules "Windows required, UNIX required". Two paths may become one: look results up by the sanitised path, never the
 * other way round.
 */

const replacements: Readonly<Record<string, string>> = {
  ':': ';',
  '*': 'x',
  '?': '%',
  '|': '!',
  '\\': '!',
  '<': '[',
  '>': ']',
  '"': "'",
};

/** Names of devices on Windows: not allowed as a name, nor before a dot. */
const device = /^(CON|PRN|AUX|NUL|CLOCK\$|COM[1-9]|LPT[1-9])(\.|$)/i;

/** The path as OMERO stores it: `/data/con/a:b.tif` becomes `data/con_/a;b.tif`. */
export function clientPathOf(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map(safeName)
    .join('/');
}

function safeName(part: string): string {
  const name = part.replace(/[:*?|\\<>"]|\p{Cc}/gu, (c) => replacements[c] ?? '_');
  const found = device.exec(name);
  if (found) return found[2] === '.' ? `_${name}` : `${name}_`;
  return name.startsWith('$') ? `_${name}` : name;
}
