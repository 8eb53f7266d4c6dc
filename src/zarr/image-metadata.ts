/** Pure: what the attributes of an NGFF image (0.1 to 0.5) and its first array say, in OMERO's terms. */
import { BadStore, isObject, type Json, type ZarrArray } from './zarr-node.ts';
import { bitsOf, pixelsTypeOf, rangeOf, type PixelsType } from './pixels-type.ts';

export interface ImageMetadata {
  readonly size: Readonly<Record<Axis, number>>;
  readonly pixelsType: PixelsType;
  readonly bits: number;
  /** Length of a pixel with NGFF's name of the unit, empty when none is given. */
  readonly physicalSize: Readonly<Partial<Record<'x' | 'y' | 'z', { readonly value: number; readonly unit: string }>>>;
  readonly channels: readonly ChannelMetadata[];
  /** null when the store says nothing of rendering. */
  readonly rendering: Rendering | null;
}

export interface ChannelMetadata {
  readonly name: string | null;
  readonly color: Color | null;
  /** Least and greatest value, when the store tells both. */
  readonly range: readonly [number, number] | null;
}

export interface Rendering {
  readonly defaultZ: number;
  readonly defaultT: number;
  readonly model: 'rgb' | 'greyscale';
  readonly channels: readonly ChannelRendering[];
}

export interface ChannelRendering {
  readonly color: Color;
  readonly active: boolean;
  readonly window: readonly [start: number, end: number];
  readonly coefficient: number;
  readonly family: string;
  readonly inverted: boolean;
}

export type Axis = 'x' | 'y' | 'z' | 'c' | 't';
export type Color = readonly [red: number, green: number, blue: number];

/** More would be no image: each becomes rows in OMERO's database. */
const mostChannels = 1_000;
const axesBefore03 = ['t', 'c', 'z', 'y', 'x'];

/** Attributes of a node: since 0.5 they stand below `ome`. */
export function omeOf(attributes: Json): Json {
  return isObject(attributes['ome']) ? attributes['ome'] : attributes;
}

/** The first multiscale image of a node's attributes, null when it has none; and the path of its largest array. */
export function multiscaleOf(ome: Json): { readonly multiscale: Json; readonly arrayPath: string } | null {
  const list = ome['multiscales'];
  if (!Array.isArray(list) || !isObject(list[0])) return null;
  const multiscale = list[0];
  const [largest] = Array.isArray(multiscale['datasets']) ? (multiscale['datasets'] as unknown[]) : [];
  if (!isObject(largest) || typeof largest['path'] !== 'string')
    throw new BadStore('its multiscales name no dataset, so there are no pixels');
  return { multiscale, arrayPath: largest['path'] };
}

/** @throws BadStore for an image that OMERO cannot show */
export function imageMetadata(ome: Json, multiscale: Json, array: ZarrArray): ImageMetadata {
  const axes = axesOf(multiscale, array.shape.length);
  const size: Record<Axis, number> = { x: 1, y: 1, z: 1, c: 1, t: 1 };
  for (const [at, { name }] of axes.entries()) {
    const length = array.shape[at] ?? 0;
    if (length < 1 || length > 2 ** 31 - 1) throw new BadStore(`its axis ${name} has the length ${length}`);
    size[name] = length;
  }
  if (size.c > mostChannels) throw new BadStore(`it has ${size.c} channels; more than ${mostChannels} are no image`);
  const pixelsType = pixelsTypeOf(array.dataType);
  const omero = isObject(ome['omero']) ? ome['omero'] : null;
  const listed = Array.isArray(omero?.['channels']) ? omero['channels'].filter(isObject).slice(0, size.c) : [];
  return {
    size,
    pixelsType,
    bits: bitsOf(pixelsType),
    physicalSize: physicalSizeOf(multiscale, axes),
    channels: Array.from({ length: size.c }, (_, c) => channelOf(listed[c])),
    rendering: omero && listed.length > 0 ? renderingOf(omero, listed, size, pixelsType) : null,
  };
}

interface NamedAxis {
  readonly name: Axis;
  readonly unit: string;
}

function axesOf(multiscale: Json, dimensions: number): NamedAxis[] {
  const given = multiscale['axes'] ?? (dimensions === 5 ? axesBefore03 : null);
  if (!Array.isArray(given)) throw new BadStore('its multiscales name no axes');
  const axes = given.map((axis: unknown): NamedAxis => {
    const name: unknown = isObject(axis) ? axis['name'] : axis;
    const unit = isObject(axis) && typeof axis['unit'] === 'string' ? axis['unit'] : '';
    if (name === 'x' || name === 'y' || name === 'z' || name === 'c' || name === 't') return { name, unit };
    throw new BadStore(`it has the axis ${JSON.stringify(name)?.slice(0, 40)}; OMERO knows x, y, z, c and t`);
  });
  const names = new Set(axes.map((a) => a.name));
  if (names.size !== axes.length) throw new BadStore('its multiscales name an axis twice');
  if (axes.length !== dimensions)
    throw new BadStore(`its multiscales name ${axes.length} axes, its array has ${dimensions} dimensions`);
  if (!names.has('x') || !names.has('y')) throw new BadStore('it has no axes x and y');
  return axes;
}

/** The scale of the largest array, times the scale of all. */
function physicalSizeOf(multiscale: Json, axes: readonly NamedAxis[]): ImageMetadata['physicalSize'] {
  const [largest] = multiscale['datasets'] as [Json];
  const own = scaleOf(largest['coordinateTransformations'], axes.length);
  const common = scaleOf(multiscale['coordinateTransformations'], axes.length);
  const sizes: Partial<Record<'x' | 'y' | 'z', { value: number; unit: string }>> = {};
  if (!own && !common) return sizes;
  for (const [at, { name, unit }] of axes.entries()) {
    if (name !== 'x' && name !== 'y' && name !== 'z') continue;
    const value = (own?.[at] ?? 1) * (common?.[at] ?? 1);
    // OMERO takes positive lengths only. A step of 1 without a unit between planes says nothing, as for the Python importer.
    const says = Number.isFinite(value) && value > 0 && !(name === 'z' && value === 1 && unit === '');
    if (says) sizes[name] = { value, unit };
  }
  return sizes;
}

function scaleOf(transformations: unknown, dimensions: number): number[] | null {
  if (!Array.isArray(transformations)) return null;
  const scale: unknown = transformations.filter(isObject).find((t) => t['type'] === 'scale')?.['scale'];
  const valid = Array.isArray(scale) && scale.length === dimensions && scale.every((n) => typeof n === 'number');
  return valid ? scale : null;
}

function channelOf(channel: Json | undefined): ChannelMetadata {
  if (!channel) return { name: null, color: null, range: null };
  const window = isObject(channel['window']) ? channel['window'] : {};
  const [min, max] = [numberOf(window['min']), numberOf(window['max'])];
  return {
    name: typeof channel['label'] === 'string' && channel['label'] !== '' ? channel['label'] : null,
    color: colorOf(channel['color']),
    range: min !== null && max !== null && min < max ? [min, max] : null,
  };
}

function renderingOf(
  omero: Json,
  channels: readonly Json[],
  size: ImageMetadata['size'],
  pixelsType: PixelsType,
): Rendering {
  const defaults = isObject(omero['rdefs']) ? omero['rdefs'] : {};
  const plane = (value: unknown, length: number): number => {
    const index = numberOf(value) ?? 0;
    return Number.isInteger(index) && index >= 0 && index < length ? index : 0;
  };
  // OMERO wants a binding for every channel; those that the store passes over are not shown.
  const all = Array.from({ length: size.c }, (_, c) => channels[c] ?? {});
  return {
    defaultZ: plane(defaults['defaultZ'], size.z),
    defaultT: plane(defaults['defaultT'], size.t),
    model: defaults['model'] === 'greyscale' ? 'greyscale' : 'rgb',
    channels: all.map((channel) => channelRendering(channel, pixelsType)),
  };
}

function channelRendering(channel: Json, pixelsType: PixelsType): ChannelRendering {
  const window = isObject(channel['window']) ? channel['window'] : {};
  const [least, greatest] = rangeOf(pixelsType);
  return {
    color: colorOf(channel['color']) ?? [0, 0, 0],
    active: channel['active'] === true,
    window: [numberOf(window['start']) ?? least, numberOf(window['end']) ?? greatest],
    coefficient: numberOf(channel['coefficient']) ?? 1,
    family: typeof channel['family'] === 'string' ? channel['family'] : 'linear',
    inverted: channel['inverted'] === true,
  };
}

/** `FF0000`, `#FF0000`, `F00`; null for anything else. */
function colorOf(value: unknown): Color | null {
  if (typeof value !== 'string') return null;
  const hex = value.replace(/^#/, '');
  const long = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex;
  if (!/^[0-9a-f]{6}([0-9a-f]{2})?$/i.test(long)) return null;
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => Number.parseInt(long.slice(at, at + 2), 16));
  return [red, green, blue];
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
