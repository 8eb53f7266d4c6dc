/**
 * `manifest-sha256.txt`: one line per file of the archive but itself, sorted, in the syntax of BagIt (RFC 8493, 2.1.3):
 * checksum, two spaces, path; CR, LF and `%` in a path are percent-encoded. `sha256sum -c` reads it too, as long as no
 * name holds one of the three.
 */
import { checkEntryName } from './entry-name.ts';

export const manifestName = 'manifest-sha256.txt';

export interface ManifestLine {
  path: string;
  sha256: string;
}

/** The manifest's bytes. Not as one text: with half a million lines that would need several times the memory. */
export function writeManifest(files: readonly ManifestLine[]): Buffer {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts: Buffer[] = [];
  for (let from = 0; from < sorted.length; from += 1000) {
    const lines = sorted.slice(from, from + 1000);
    const text = lines.map(({ path, sha256 }) => `${sha256}  ${path.replace(/[\r\n%]/g, encode)}\n`).join('');
    parts.push(Buffer.from(text));
  }
  return Buffer.concat(parts);
}

/**
 * Reads a manifest, also as `sha256sum` writes it: a line with escapes begins with a backslash. Throws an Error that
 * names the line when it is not one, or names a file outside the archive.
 */
export function readManifest(text: string): ManifestLine[] {
  if (text === '') throw new Error('the manifest is empty');
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line of the manifest is cut off');
  const seen = new Set<string>();
  return lines.map((line, index) => {
    const match = /^(\\?)([0-9a-fA-F]{64})(?: [ *]|[ \t]+)(.+)$/s.exec(line);
    const fail = (reason: string): never => {
      throw new Error(`line ${index + 1} of the manifest ${reason}`);
    };
    if (!match) return fail('is not a checksum and a name');
    const [, escaped, sha256 = '', written = ''] = match;
    const path = escaped ? unescape(written) : written.replace(/%(?:0[aAdD]|25)/g, decodeURIComponent);
    // A backslash may be in a name of an archive that others made; it is no danger where names are only compared.
    const name = checkEntryName(path.replaceAll('\\', '_'));
    if (name.refused !== undefined || name.directory || path.startsWith('./'))
      return fail('names no file of the archive');
    if (seen.has(path)) return fail('names a file twice');
    seen.add(path);
    return { path, sha256: sha256.toLowerCase() };
  });
}

function encode(character: string): string {
  return character === '\r' ? '%0D' : character === '\n' ? '%0A' : '%25';
}

function unescape(written: string): string {
  return written.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : c));
}
