/**
 * `manifest-sha256.txt`: one line per file of the archive but itself, sorted, as `sha256sum` writes and checks it. A
 * name with a newline or a backslash is written with escapes, and its line begins with a backslash, as `sha256sum` does.
 */
import { checkEntryName } from './entry-name.ts';

export const manifestName = 'manifest-sha256.txt';

export interface ManifestLine {
  path: string;
  sha256: string;
}

export function writeManifest(files: readonly ManifestLine[]): string {
  return files
    .map(({ path, sha256 }) => {
      const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
      return { path, line: `${escaped === path ? '' : '\\'}${sha256}  ${escaped}\n` };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ line }) => line)
    .join('');
}

/** Reads a manifest; throws an Error that names the line when it is not one, or names a file outside the archive. */
export function readManifest(text: string): ManifestLine[] {
  if (text === '') throw new Error('the manifest is empty');
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line of the manifest is cut off');
  const seen = new Set<string>();
  return lines.map((line, index) => {
    const match = /^(\\?)([0-9a-f]{64}) [ *](.+)$/s.exec(line);
    const fail = (reason: string): never => {
      throw new Error(`line ${index + 1} of the manifest ${reason}`);
    };
    if (!match) return fail('is not a checksum and a name');
    const [, escape, sha256 = '', written = ''] = match;
    const path = escape ? written.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)) : written;
    // A backslash may be in a name of an archive that others made; it is no danger where names are only compared.
    const name = checkEntryName(path.replaceAll('\\', '_'));
    if (name.refused !== undefined || name.directory || path.startsWith('./'))
      return fail('names no file of the archive');
    if (seen.has(path)) return fail('names a file twice');
    seen.add(path);
    return { path, sha256 };
  });
}
