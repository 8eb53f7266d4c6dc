/** Names of results: the image that one was made from, and the name that it gets. Pure. */

/** The part before the first dot and the rest, as BIOMERO's scripts divide names: `a.ome.tif` is `a` and `ome.tif`. */
export function divideName(name: string): { file: string; ext: string } {
  const dot = name.indexOf('.', 1);
  return dot < 0 ? { file: name, ext: '' } : { file: name.slice(0, dot), ext: name.slice(dot + 1) };
}

/** The source whose name a result's name begins with; the longest one, and none where two of them bear it. */
export function sourceOf<T extends { name: string }>(result: string, sources: readonly T[]): T | null {
  const { file } = divideName(result);
  const begins = sources.flatMap((source) => {
    const stem = divideName(source.name).file;
    const next = file[stem.length];
    // `cell1` is not what `cell10_mask` was made from.
    const ends = next === undefined || !/[\p{L}\p{N}]/u.test(next) || !/[\p{L}\p{N}]/u.test(stem.at(-1) ?? '');
    return stem !== '' && file.startsWith(stem) && ends ? [{ source, length: stem.length }] : [];
  });
  const longest = Math.max(0, ...begins.map((b) => b.length));
  const best = begins.filter((b) => b.length === longest);
  return best.length === 1 ? (best[0]?.source ?? null) : null;
}

const variable = /\{(file|ext|original_file|original_ext)\}/g;

/** The new name of a result; variables of other names stay as they are written. */
export function renamed(pattern: string, result: string, source: string | null): string {
  const own = divideName(result);
  const original = source === null ? own : divideName(source);
  const values: Record<string, string> = { ...own, original_file: original.file, original_ext: original.ext };
  return pattern.replace(variable, (_, name: string) => values[name] ?? '').replace(/\.$/, '');
}
