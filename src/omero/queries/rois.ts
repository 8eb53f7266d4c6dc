/** Regions of interest on images: polygons, and masks of single pixels. */
import { bridgeError } from '../../domain/errors.ts';
import type { IceObject } from '../ice/values.ts';
import type { OmeroLink } from '../link.ts';
import { newObject, reference } from '../model.ts';
import { rdouble, rint, rstring } from '../rtypes.ts';
import { saveGraphs } from './graphs.ts';
import { numberAt, parameters, projectEach, textAt } from './project.ts';

/** Where a shape lies: counted from 0; null is on every plane. */
export interface Plane {
  readonly z: number | null;
  readonly t: number | null;
  readonly c: number | null;
}

/** An area by its corners, in pixels from the upper left corner of the image. */
export interface Polygon extends Plane {
  readonly kind: 'polygon';
  /** At least three. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly label: string;
}

/** An area by its pixels, inside a rectangle at `x`, `y`, in pixels of the image. */
export interface Mask extends Plane {
  readonly kind: 'mask';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly label: string;
}

/** One bit per pixel, row by row without padding between rows, the most significant bit first. See `packMask`. */
export interface NewMask extends Mask {
  readonly bits: Uint8Array;
}

export interface NewRoi {
  readonly imageId: number;
  /** By it, and by the description, a later attempt recognises what an earlier one made. */
  readonly name: string;
  readonly description?: string;
  /** `#RRGGBB`; without it OMERO's clients choose. */
  readonly color?: string;
  readonly shapes: readonly (Polygon | NewMask)[];
}

/** A ROI without its shapes. */
export interface RoiName {
  readonly id: number;
  readonly imageId: number;
  readonly ownerId: number;
  readonly name: string;
  readonly description: string;
}

export interface Roi {
  readonly id: number;
  readonly imageId: number;
  readonly ownerId: number;
  readonly name: string;
  readonly shapes: readonly ((Polygon | Mask) & { readonly id: number })[];
}

const roisOfImages =
  'select r.id, r.image.id, r.details.owner.id, r.name from Roi r where r.image.id in (:ids) order by r.id';
const namesOfImages =
  'select r.id, r.image.id, r.details.owner.id, r.name, r.description from Roi r where r.image.id in (:ids) order by r.id';
const polygonsOfImages =
  'select s.roi.id, s.id, s.theZ, s.theT, s.theC, s.textValue, s.points from Polygon s where s.roi.image.id in (:ids) order by s.id';
const masksOfImages =
  'select s.roi.id, s.id, s.theZ, s.theT, s.theC, s.textValue, s.x, s.y, s.width, s.height from Mask s where s.roi.image.id in (:ids) order by s.id';
/** A whole object, because bytes are no value of a projection. */
const maskById = 'select s from Mask s where s.id = :id';

/** Limits of one call: OMERO saves a call as one transaction, and takes no message beyond some 60 MiB. */
const shapesPerCall = 500;
const maskBytesPerCall = 8 * 1024 * 1024;

/**
 * Saves ROIs in the session's group, in batches of whole ROIs, and gives their ids in the sequence asked. Each batch is a
 * transaction: after a failure `roisOf` tells by name what stands.
 *
 * @throws ROI_INVALID before anything is saved; OMERO_OBJECT_GONE, OMERO_NOT_PERMITTED with OMERO's words
 */
export async function createRois(link: OmeroLink, groupId: number, rois: readonly NewRoi[]): Promise<number[]> {
  for (const roi of rois) checkRoi(roi);
  const ids: number[] = [];
  for (const batch of batches(rois)) ids.push(...(await saveGraphs(link, groupId, batch.map(roiObject))));
  return ids;
}

/** The ROIs of images with their polygons and masks, without the masks' pixels, by id. Shapes of other kinds are left out. */
export async function roisOf(link: OmeroLink, imageIds: readonly number[]): Promise<Roi[]> {
  const shapes = new Map<number, Roi['shapes'][number][]>();
  const add = (roiId: number, shape: Roi['shapes'][number]): void => {
    const known = shapes.get(roiId);
    if (known) known.push(shape);
    else shapes.set(roiId, [shape]);
  };
  for (const row of await projectEach(link, polygonsOfImages, 'ids', imageIds))
    add(numberAt(row, 0), { kind: 'polygon', ...shapeOf(row), points: pointsOf(textAt(row, 6)) });
  for (const row of await projectEach(link, masksOfImages, 'ids', imageIds)) {
    const [x, y, width, height] = [6, 7, 8, 9].map((column) => Number(row[column] ?? 0));
    add(numberAt(row, 0), {
      kind: 'mask',
      ...shapeOf(row),
      x: x ?? 0,
      y: y ?? 0,
      width: width ?? 0,
      height: height ?? 0,
    });
  }
  const rows = await projectEach(link, roisOfImages, 'ids', imageIds);
  return rows.map((row) => {
    const id = numberAt(row, 0);
    const own = (shapes.get(id) ?? []).toSorted((a, b) => a.id - b.id);
    return { id, imageId: numberAt(row, 1), ownerId: numberAt(row, 2), name: textAt(row, 3), shapes: own };
  });
}

/** The ROIs of images without their shapes, which may be many, by id. */
export async function roiNames(link: OmeroLink, imageIds: readonly number[]): Promise<RoiName[]> {
  const rows = await projectEach(link, namesOfImages, 'ids', imageIds);
  return rows.map((row) => ({
    id: numberAt(row, 0),
    imageId: numberAt(row, 1),
    ownerId: numberAt(row, 2),
    name: textAt(row, 3),
    description: textAt(row, 4),
  }));
}

/** The pixels of a mask, as in `NewMask`; null when the user sees no such mask. */
export async function maskBits(link: OmeroLink, shapeId: number): Promise<Uint8Array | null> {
  const found = await link.call('IQuery', 'findByQuery', [maskById, parameters({ id: shapeId })], { group: 'all' });
  const bytes = (found as IceObject | null)?.['bytes'];
  return bytes instanceof Uint8Array ? bytes : null;
}

/** Packs the pixels of a mask: `isInside` is asked for every pixel of the rectangle, row by row. */
export function packMask(width: number, height: number, isInside: (x: number, y: number) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil((width * height) / 8));
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at++) if (isInside(x, y)) bits[at >> 3] = (bits[at >> 3] ?? 0) | (0x80 >> (at & 7));
  return bits;
}

function checkRoi({ imageId, name, shapes }: NewRoi): void {
  const refuse = (reason: string): Error => bridgeError('ROI_INVALID', { roi: name, image: imageId, reason });
  if (shapes.length === 0) throw refuse('it has no shape');
  if (shapes.length > shapesPerCall)
    throw refuse(`it has ${shapes.length} shapes, and at most ${shapesPerCall} are saved`);
  for (const shape of shapes) {
    if (shape.kind === 'polygon') {
      if (shape.points.length < 3) throw refuse(`a polygon has ${shape.points.length} corners`);
      if (!shape.points.flat().every(Number.isFinite)) throw refuse('a corner of a polygon is no number');
      continue;
    }
    const { x, y, width, height, bits } = shape;
    if (![width, height].every((n) => Number.isSafeInteger(n) && n > 0)) throw refuse('a mask has no size');
    if (![x, y].every(Number.isFinite)) throw refuse('the place of a mask is no number');
    const wanted = Math.ceil((width * height) / 8);
    if (bits.length !== wanted)
      throw refuse(`a mask of ${width} × ${height} pixels has ${bits.length} bytes, not ${wanted}`);
    if (bits.length > maskBytesPerCall)
      throw refuse(`a mask of ${width} × ${height} pixels is larger than OMERO takes in one call`);
  }
}

function* batches(rois: readonly NewRoi[]): Generator<NewRoi[]> {
  let batch: NewRoi[] = [];
  let [shapes, bytes] = [0, 0];
  for (const roi of rois) {
    const size = roi.shapes.reduce((sum, s) => sum + (s.kind === 'mask' ? s.bits.length : 16 * s.points.length), 0);
    if (batch.length && (shapes + roi.shapes.length > shapesPerCall || bytes + size > maskBytesPerCall)) {
      yield batch;
      [batch, shapes, bytes] = [[], 0, 0];
    }
    batch.push(roi);
    shapes += roi.shapes.length;
    bytes += size;
  }
  if (batch.length) yield batch;
}

function roiObject({ imageId, name, description, color, shapes }: NewRoi): IceObject {
  const roi = newObject('Roi', { image: reference('Image', imageId), name: rstring(name) });
  if (description !== undefined) roi['description'] = rstring(description);
  const stroke = color === undefined ? null : rint(rgba(color, 255));
  // A mask has no edge; what lies below it stays to be seen.
  const fill = color === undefined ? null : rint(rgba(color, 128));
  roi['shapesSeq'] = shapes.map((shape) => {
    const common = {
      roi,
      textValue: rstring(shape.label),
      theZ: shape.z === null ? null : rint(shape.z),
      theT: shape.t === null ? null : rint(shape.t),
      theC: shape.c === null ? null : rint(shape.c),
      strokeColor: stroke,
    };
    if (shape.kind === 'polygon')
      return newObject('Polygon', { ...common, points: rstring(shape.points.map((p) => p.join(',')).join(' ')) });
    const { x, y, width, height, bits } = shape;
    const place = { x: rdouble(x), y: rdouble(y), width: rdouble(width), height: rdouble(height) };
    return newObject('Mask', { ...common, ...place, fillColor: fill, bytes: bits });
  });
  return roi;
}

/** A colour as OMERO has it: red, green, blue and opacity, as one number with a sign. */
function rgba(color: string, opacity: number): number {
  return (Number.parseInt(color.slice(1), 16) << 8) | opacity;
}

function shapeOf(row: readonly unknown[]): Plane & { id: number; label: string } {
  const plane = (column: number): number | null => (row[column] === null ? null : numberAt(row, column));
  return { id: numberAt(row, 1), z: plane(2), t: plane(3), c: plane(4), label: textAt(row, 5) };
}

/** Corners as OMERO writes them, `1,2 3,4`, and as older clients did: `points[1,2 3,4] points1[…] …`. */
function pointsOf(text: string): [number, number][] {
  const list = /^points\[([^\]]*)\]/.exec(text)?.[1] ?? text;
  return [...list.matchAll(/(-?[\d.eE+-]+)[,\s]+(-?[\d.eE+-]+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
}
