import { get, open, root, slice, type Array as ZarrArray, type DataType } from 'zarrita';
import { ArchiveStore } from './archive-store.ts';
import { checkSize, NoPreview, type Plane } from './plane.ts';
import { typeMaxOf } from './read-tiff.ts';

/**
 * Reads one plane of an OME-Zarr (0.4 or 0.5): the level of `multiscales` that suits, first time point and channel,
 * middle of the stack. Of a plate or a series the first image, of a bare array the array itself. Chunks that are not
 * needed are not read.
 */
export async function readZarr(path: string, size: number): Promise<Plane> {
  const store = new ArchiveStore(path);
  const { levels, axes } = await findLevels(store, '/', 0);
  const arrays: ZarrArray<DataType>[] = [];
  for (const level of levels.slice(0, 32)) arrays.push(await open(root(store).resolve(level), { kind: 'array' }));
  const longest = (array: ZarrArray<DataType>): number => Math.max(...array.shape.slice(-2));
  const sorted = arrays.toSorted((a, b) => longest(a) - longest(b));
  const array = sorted.find((a) => longest(a) >= size) ?? sorted.at(-1);
  const largest = sorted.at(-1);
  if (!array || !largest) throw new NoPreview('it has no array');
  if (array.shape.length < 2) throw new NoPreview('its array has fewer than two dimensions');
  const [height = 0, width = 0] = array.shape.slice(-2);
  checkSize(width, height);
  const outer = array.shape.slice(0, -2);
  const z = axes.length === array.shape.length ? axes.indexOf('z') : usualZ(outer.length);
  const chosen = outer.map((length, i) => (i === z ? Math.floor(length / 2) : 0));
  const { data } = await get(array, [...chosen, slice(0, height), slice(0, width)]);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return plane(Float64Array.from(data, Number), null);
  if (!ArrayBuffer.isView(data)) throw new NoPreview('its values are no numbers');
  const pixels = data as unknown as ArrayLike<number>;
  return plane(pixels, typeMaxOf(pixels));

  function plane(values: ArrayLike<number>, typeMax: number | null): Plane {
    const [fullHeight = height, fullWidth = width] = largest?.shape.slice(-2) ?? [];
    const planes = outer.reduce((product, n) => product * n, 1);
    return { width, height, fullWidth, fullHeight, samples: 1, pixels: values, typeMax, planes };
  }
}

/** Where no axes are named the last of the outer dimensions is z, if there are at least three: time, channel and z. */
function usualZ(outer: number): number {
  return outer >= 3 ? outer - 1 : -1;
}

interface Levels {
  /** Paths of the arrays of an image, largest first as they are listed. */
  levels: string[];
  /** Names of the dimensions; empty where the metadata name none. */
  axes: string[];
}

async function findLevels(store: ArchiveStore, at: string, depth: number): Promise<Levels> {
  if (depth > 4) throw new NoPreview('its groups are nested too deeply');
  const node = await open(root(store).resolve(at));
  if (node.kind === 'array') return { levels: [at], axes: [] };
  const attributes = node.attrs as Record<string, unknown>;
  // Version 0.5 has everything below `ome`.
  const ome = (attributes['ome'] ?? attributes) as Record<string, unknown>;
  const [scales] = list(ome['multiscales']);
  if (scales)
    return {
      levels: list(scales['datasets']).map((d) => join(at, text(d['path']))),
      axes: axisNames(scales['axes']),
    };
  const plate = ome['plate'] as Record<string, unknown> | undefined;
  const [well] = list(plate?.['wells']);
  if (well) return findLevels(store, join(at, text(well['path'])), depth + 1);
  const inWell = ome['well'] as Record<string, unknown> | undefined;
  const [field] = list(inWell?.['images']);
  if (field) return findLevels(store, join(at, text(field['path'])), depth + 1);
  if (ome['bioformats2raw.layout'] !== undefined) return findLevels(store, join(at, '0'), depth + 1);
  throw new NoPreview('it has no image that this version knows how to draw');
}

/** Version 0.3 has names alone, later ones objects with a name. */
function axisNames(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.map((axis: unknown) => {
    const name: unknown = typeof axis === 'object' && axis !== null && 'name' in axis ? axis.name : axis;
    return typeof name === 'string' ? name : '';
  });
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value)
    ? value.filter((v): v is Record<string, unknown> => typeof v === 'object' && v !== null)
    : [];
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new NoPreview('its metadata name a part without a path');
  return value;
}

/** Metadata are anybody's: a part that lies outside the image is refused. */
function join(at: string, part: string): `/${string}` {
  const parts = `${at}/${part}`.split('/').filter((p) => p !== '' && p !== '.');
  if (parts.includes('..') || part.includes('\0')) throw new NoPreview('its metadata name a part outside of it');
  return `/${parts.join('/')}`;
}
