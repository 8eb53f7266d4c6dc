/**
 * Metadata of groups and arrays of a zarr store on disk, of format 2 and 3. Only files whose names follow from metadata
 * are opened, so that a store with a million chunks costs no more than one with ten. A store is anybody's: no link leads
 * out of it, and metadata beyond a size that no writer makes are refused.
 */
import { join } from 'node:path';
import { openBelow } from '../archive/open-below.ts';
import { isBridgeError } from '../domain/errors.ts';

export interface ZarrArray {
  readonly kind: 'array';
  readonly attributes: Json;
  readonly shape: readonly number[];
  /** Zarr's own name of the type: `uint16`, or of format 2 `<u2`. */
  readonly dataType: string;
}
export interface ZarrGroup {
  readonly kind: 'group';
  readonly attributes: Json;
}
export type Json = Readonly<Record<string, unknown>>;

/** A store that cannot be registered, with the reason as a sentence for its owner. */
export class BadStore extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadStore';
  }
}

/** Metadata of a plate of 1536 wells take about 150 kB. */
const mostBytes = 32 << 20;

export class ZarrStore {
  /** Absolute path of the store, as ordered. */
  readonly root: string;
  /** Of its root, once known: a store does not mix formats. */
  #format: 2 | 3 | null = null;

  constructor(root: string) {
    this.root = root;
  }

  /**
   * The group or array at a path below the store; null when there is none.
   *
   * @throws BadStore when its metadata are broken, and what reading a file throws
   */
  async node(path: string): Promise<ZarrGroup | ZarrArray | null> {
    const at = this.inside(path);
    if (this.#format !== 2) {
      const metadata = await this.#json(join(at, 'zarr.json'));
      if (metadata) this.#format ??= 3;
      if (metadata) return nodeOfFormat3(at, metadata);
      if (this.#format === 3) return null;
    }
    const [array, group, attributes] = await Promise.all([
      this.#json(join(at, '.zarray')),
      this.#json(join(at, '.zgroup')),
      this.#json(join(at, '.zattrs')),
    ]);
    if (array || group) this.#format = 2;
    if (array)
      return {
        kind: 'array',
        attributes: attributes ?? {},
        shape: shapeOf(at, array['shape']),
        dataType: textOf(at, array['dtype']),
      };
    if (group) return { kind: 'group', attributes: attributes ?? {} };
    if (attributes) throw new BadStore(`${named(at)} has .zattrs but no .zgroup, so it is no zarr group`);
    return null;
  }

  /** @throws BadStore when there is no group */
  async group(path: string): Promise<ZarrGroup> {
    const found = await this.node(path);
    if (found?.kind === 'group') return found;
    throw new BadStore(
      found
        ? `${named(path)} is an array where a group of an OME-Zarr is expected`
        : `${named(path)} has no zarr metadata (zarr.json or .zgroup)`,
    );
  }

  /** @throws BadStore when there is no array */
  async array(path: string): Promise<ZarrArray> {
    const found = await this.node(path);
    if (found?.kind === 'array') return found;
    throw new BadStore(`the array ${named(path)} that its metadata name is not there`);
  }

  /** Text of a small file below the store; null when there is none. */
  async text(path: string): Promise<string | null> {
    let file;
    try {
      file = await openBelow(this.root, path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return null;
      if (code === 'EACCES') throw new BadStore(`${path} may not be read`);
      if (isBridgeError(error, 'ARCHIVED_FILE_REFUSED'))
        throw new BadStore(`${path} cannot be used: ${String(error.params['reason'])}`);
      throw error;
    }
    try {
      if ((await file.stat()).size > mostBytes) throw new BadStore(`${path} is larger than any metadata should be`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  }

  /** A path of the metadata, which must stay inside the store; the root is empty. */
  inside(path: string): string {
    const parts = path.split('/').filter((p) => p !== '' && p !== '.');
    // An absolute path would be taken for a relative one here and for something else on the server.
    if (path.startsWith('/') || parts.includes('..') || path.includes('\0') || path.includes('\\'))
      throw new BadStore(`its metadata name a part outside of it (${path})`);
    return parts.join('/');
  }

  async #json(path: string): Promise<Json | null> {
    const text = await this.text(path);
    if (text === null) return null;
    try {
      // Python writes NaN and Infinity, which JSON lacks; they stand for fill values, which nobody here needs.
      const value: unknown = JSON.parse(text.replace(/(?<=[:[,]\s*)-?(?:NaN|Infinity)(?=\s*[,\]}])/g, 'null'));
      if (isObject(value)) return value;
    } catch {
      // Said below.
    }
    throw new BadStore(`${path} is not valid JSON`);
  }
}

function nodeOfFormat3(at: string, metadata: Json): ZarrGroup | ZarrArray {
  if (metadata['zarr_format'] !== 3)
    throw new BadStore(`${join(at, 'zarr.json')} is of zarr format ${String(metadata['zarr_format'])}, not 3`);
  const attributes = isObject(metadata['attributes']) ? metadata['attributes'] : {};
  if (metadata['node_type'] === 'group') return { kind: 'group', attributes };
  if (metadata['node_type'] !== 'array')
    throw new BadStore(`${join(at, 'zarr.json')} describes neither a group nor an array`);
  return {
    kind: 'array',
    attributes,
    shape: shapeOf(at, metadata['shape']),
    dataType: textOf(at, metadata['data_type']),
  };
}

function shapeOf(at: string, value: unknown): number[] {
  if (!Array.isArray(value) || !value.every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new BadStore(`the array ${named(at)} has no valid shape`);
  return value as number[];
}

function textOf(at: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new BadStore(`the array ${named(at)} holds a type of values that OMERO does not have`);
}

function named(path: string): string {
  return path === '' ? 'the store' : path;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
