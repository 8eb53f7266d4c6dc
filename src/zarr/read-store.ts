import pLimit from 'p-limit';
import { imageMetadata, multiscaleOf, omeOf, type ImageMetadata } from './image-metadata.ts';
import { readPlate, type PlateLayout } from './plate-metadata.ts';
import { imageNames } from './series-names.ts';
import { storeName } from './store-name.ts';
import { BadStore, isObject, ZarrStore, type Json } from './zarr-node.ts';

/** Metadata files read at the same time. */
const atOnce = 16;
/** Series of one store; more would be no acquisition. */
const mostSeries = 10_000;

export interface ZarrImage {
  readonly name: string;
  /** What OMERO's pixel buffer opens: the store's path and, below it, the image's, as the Python importer writes it. */
  readonly lsid: string;
  readonly metadata: ImageMetadata;
}

export interface ZarrPlate extends PlateLayout {
  readonly name: string;
  readonly wells: readonly ZarrWell[];
}

export interface ZarrWell {
  readonly row: number;
  readonly column: number;
  readonly fields: readonly { readonly acquisition: number | null; readonly image: ZarrImage }[];
}

export type ZarrContent =
  | { readonly kind: 'images'; readonly images: readonly ZarrImage[] }
  | { readonly kind: 'plate'; readonly plate: ZarrPlate };

/**
 * Everything that OMERO is to know of an OME-Zarr. All of it is read before anything is created, so that a broken store
 * leaves nothing behind.
 *
 * @throws BadStore with the first thing that is wrong
 */
export async function readStore(path: string): Promise<ZarrContent> {
  const store = new ZarrStore(path);
  const root = await store.node('');
  if (!root) throw new BadStore('it has no zarr metadata (zarr.json, or .zgroup and .zattrs)');
  if (root.kind === 'array') throw new BadStore('it is a bare array without the metadata of an OME-Zarr');
  const ome = omeOf(root.attributes);
  const name = storeName(path);
  if (isObject(ome['plate'])) return { kind: 'plate', plate: await plateOf(store, name, ome['plate']) };
  if (multiscaleOf(ome)) return { kind: 'images', images: [await imageOf(store, '', name, ome)] };
  if (ome['bioformats2raw.layout'] === 3) return { kind: 'images', images: await seriesOf(store, name) };
  if (Array.isArray(ome['labels']))
    throw new BadStore('it is a list of labels and no image; order each label by itself');
  if (isObject(ome['well'])) throw new BadStore('it is one well of a plate; order the whole plate');
  throw new BadStore('its metadata tell neither of an image nor of a plate');
}

async function imageOf(
  store: ZarrStore,
  path: string,
  name: string,
  known?: Json,
  lsidPath = path,
): Promise<ZarrImage> {
  const ome = known ?? omeOf((await store.group(path)).attributes);
  const found = multiscaleOf(ome);
  if (!found) throw new BadStore(`${path} is no image: it has no multiscales`);
  const array = await store.array(below(path, store.inside(found.arrayPath)));
  const lsid = lsidPath === '' ? store.root : `${store.root}/${lsidPath}`;
  return { name, lsid, metadata: imageMetadata(ome, found.multiscale, array) };
}

/** A collection of images in groups: those that `OME` lists, or else 0, 1, 2 and so on. */
async function seriesOf(store: ZarrStore, name: string): Promise<ZarrImage[]> {
  const listing = await store.node('OME');
  const listed: unknown = listing ? omeOf(listing.attributes)['series'] : null;
  const names = imageNames(await store.text('OME/METADATA.ome.xml'));
  const images: ZarrImage[] = [];
  const read = (path: string, index: number): Promise<ZarrImage> =>
    imageOf(store, path, `${name} [${names[index] || path}]`);
  if (Array.isArray(listed)) {
    if (listed.length === 0) throw new BadStore('its list of series is empty');
    if (listed.length > mostSeries) throw new BadStore(`it has more than ${mostSeries} series`);
    const paths = listed.map((path: unknown) => {
      if (typeof path !== 'string' || store.inside(path) === '') throw new BadStore('its list of series is broken');
      return store.inside(path);
    });
    const limit = pLimit(atOnce);
    return Promise.all(paths.map((path, index) => limit(() => read(path, index))));
  }
  while (images.length < mostSeries && (await store.node(String(images.length))))
    images.push(await read(String(images.length), images.length));
  if (images.length === 0) throw new BadStore('it has no series: there is no image 0');
  return images;
}

async function plateOf(store: ZarrStore, name: string, attributes: Json): Promise<ZarrPlate> {
  const { layout, wells } = readPlate(attributes, (path) => store.inside(path));
  const limit = pLimit(atOnce);
  const found = await Promise.all(wells.map((well) => limit(() => wellOf(store, well))));
  const absent = wells.filter((_, at) => found[at] === null).map((w) => w.path);
  if (absent.length > 0) {
    const named = `${absent.slice(0, 3).join(', ')}${absent.length > 3 ? ' …' : ''}`;
    throw new BadStore(`${absent.length} of ${wells.length} wells of the plate are not there (${named})`);
  }
  const filled = found.filter((w) => w !== null && w.fields.length > 0) as ZarrWell[];
  if (filled.length === 0) throw new BadStore('no well of the plate has an image');
  return { ...layout, name, wells: filled };
}

/** null when the plate names a well that is not there. */
async function wellOf(store: ZarrStore, well: { path: string; row: number; column: number }): Promise<ZarrWell | null> {
  const node = await store.node(well.path);
  if (!node) return null;
  const attributes = omeOf(node.attributes)['well'];
  const images = isObject(attributes) ? attributes['images'] : null;
  if (!Array.isArray(images)) throw new BadStore(`the well ${well.path} lists no images`);
  const fields = [];
  for (const image of images as unknown[]) {
    if (!isObject(image) || typeof image['path'] !== 'string') throw new BadStore(`the well ${well.path} is broken`);
    const path = below(well.path, store.inside(image['path']));
    const acquisition = typeof image['acquisition'] === 'number' ? image['acquisition'] : null;
    // The trailing slash is the Python importer's.
    fields.push({ acquisition, image: await imageOf(store, path, path, undefined, `${path}/`) });
  }
  return { row: well.row, column: well.column, fields };
}

function below(folder: string, path: string): string {
  return [folder, path].filter((p) => p !== '').join('/');
}
