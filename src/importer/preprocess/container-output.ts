/** Pure: the last line that a converter prints: a JSON list of what it made. */

export interface MadeFile {
  /** The name that the image is to have; null: as OMERO names it. */
  name: string | null;
  /** Paths inside the container, of the copy that is kept and of the second one. */
  fullPath: string | null;
  altPath: string | null;
  keyvalues: [string, string][];
}

/** What a converter made, or why that cannot be told. */
export function parseOutput(lines: readonly string[]): MadeFile[] | string {
  const last = lines.findLast((line) => line.trim() !== '');
  if (last === undefined) return 'it printed nothing';
  let list: unknown;
  try {
    list = JSON.parse(last);
  } catch {
    return 'its last line is not the JSON list of what it made';
  }
  if (!Array.isArray(list)) return 'its last line is JSON, but no list of what it made';
  if (list.length === 0) return 'it says that it made nothing';
  const made: MadeFile[] = [];
  for (const item of list as unknown[]) {
    const file = madeFile(item);
    if (typeof file === 'string') return file;
    made.push(file);
  }
  return made;
}

function madeFile(item: unknown): MadeFile | string {
  if (typeof item !== 'object' || item === null) return 'its list of what it made holds something else than files';
  const { name, full_path: full, alt_path: alt, keyvalues } = item as Record<string, unknown>;
  const text = (value: unknown): string | null =>
    typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
  const [fullPath, altPath] = [text(full), text(alt)];
  if (fullPath === null && altPath === null) return 'its list of what it made names a file without a path';
  const dicts = Array.isArray(keyvalues) ? (keyvalues as unknown[]) : [keyvalues];
  const pairs = dicts.flatMap((dict) =>
    typeof dict === 'object' && dict !== null
      ? Object.entries(dict).map(([k, v]: [string, unknown]): [string, string] => [k, words(v)])
      : [],
  );
  return { name: text(name), fullPath, altPath, keyvalues: [...new Map(pairs)] };
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** A path inside the container below a mounted folder, relative to it; null when it lies elsewhere or leads out. */
export function below(folder: string, path: string): string | null {
  const prefix = `${folder}/`;
  if (!path.startsWith(prefix)) return null;
  const parts = path.slice(prefix.length).split('/');
  const inside = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\0\n\r]/.test(part));
  return inside ? parts.join('/') : null;
}
