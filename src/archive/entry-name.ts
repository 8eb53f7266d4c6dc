/**
 * Which names inside a tar stream, a zip or a far folder may become files of an archive. Pure rules; whether two names
 * collide on the storage is found when they are created.
 */
import { isUtf8 } from 'node:buffer';

export type EntryName = { path: string; directory: boolean; refused?: undefined } | { refused: string };

const nameMax = 255;
/** PATH_MAX of Linux is 4096 with the final NUL; the rest is left for the archive's own folder. */
const pathMax = 3072;

/**
 * Checks an entry's name and gives it as a relative path without leading `./` and trailing `/`; the empty path is the
 * root itself. A refusal is a reason for people.
 */
export function checkEntryName(raw: Uint8Array | string): EntryName {
  if (typeof raw !== 'string' && !isUtf8(raw)) return { refused: 'its name is not UTF-8' };
  const name = typeof raw === 'string' ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8');
  if (!name.isWellFormed()) return { refused: 'its name is not valid Unicode' };
  if (name.includes('\0')) return { refused: 'its name holds a NUL character' };
  if (name.includes('\\')) return { refused: 'its name holds a backslash, which other systems take for a folder' };
  if (name.startsWith('/')) return { refused: 'its name is an absolute path' };
  if (/^[A-Za-z]:/.test(name)) return { refused: 'its name begins with a drive letter' };
  if (name === '') return { refused: 'it has no name' };
  if (name === '.' || name === './') return { path: '', directory: true };
  const directory = name.endsWith('/');
  const path = name.slice(name.startsWith('./') ? 2 : 0, directory ? -1 : undefined);
  for (const part of path.split('/')) {
    if (part === '') return { refused: 'its path holds an empty name' };
    if (part === '.') return { refused: 'its path holds a "."' };
    if (part === '..') return { refused: 'its path holds a ".."' };
    if (Buffer.byteLength(part) > nameMax) return { refused: `a name in its path is longer than ${nameMax} bytes` };
  }
  if (Buffer.byteLength(path) > pathMax) return { refused: `its path is longer than ${pathMax} bytes` };
  return { path, directory };
}

/** Bytes or text of any origin, for a message: what is not UTF-8 shows as U+FFFD, and long names are cut. */
export function showName(raw: Uint8Array | string): string {
  const text = typeof raw === 'string' ? raw : Buffer.from(raw).toString('utf8');
  const oneLine = text.replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return oneLine.length > 300 ? `${oneLine.slice(0, 300)}…` : oneLine;
}

/** Keeps the tree of accepted names free of duplicates and of a name that is both a file and a folder. */
export class EntryTree {
  readonly #kinds = new Map<string, 'file' | 'folder' | 'implied'>();

  /** Adds a path; returns the reason when it does not fit to what is there. */
  add(path: string, kind: 'file' | 'folder'): string | null {
    const known = this.#kinds.get(path);
    if (known === 'implied' && kind === 'folder') {
      this.#kinds.set(path, kind);
      return null;
    }
    if (known !== undefined)
      return (known === 'file') === (kind === 'file') ? 'it appears twice' : 'it is both a file and a folder';
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const of = this.#kinds.get(parent);
      if (of === 'file') return 'it lies in a folder that is also a file';
      if (of !== undefined) break;
      this.#kinds.set(parent, 'implied');
    }
    this.#kinds.set(path, kind);
    return null;
  }

  /** True when this path was added itself. */
  has(path: string): boolean {
    return (this.#kinds.get(path) ?? 'implied') !== 'implied';
  }
}
