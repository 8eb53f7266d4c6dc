import { describeError, isBridgeError } from '../../domain/errors.ts';
import type { DestinationType } from '../../domain/vocabulary.ts';
import type { ExternalImage } from '../../omero/queries/external-info.ts';
import type { OmeroSession } from '../../omero/session.ts';
import type { FileResult } from '../../orders/file-results.ts';
import { failedFile } from '../outcome.ts';
import { Enumerations, imageInDataset, linkTo, plateGraph, wellOfPlate } from './graphs.ts';
import { readStore, type ZarrImage, type ZarrPlate } from '../../zarr/read-store.ts';
import { BadStore } from '../../zarr/zarr-node.ts';

/** Images of a series that are saved in one call. */
const imagesPerCall = 20;

export interface Registering {
  readonly session: OmeroSession;
  readonly destination: { readonly type: DestinationType; readonly id: number };
  readonly signal: AbortSignal;
}

/**
 * Makes the images or the plate of an OME-Zarr known to OMERO, from its metadata alone. What an earlier try left is found
 * by the place of its pixels and completed; what stands complete in the destination is left as it is.
 *
 * @throws errors of OMERO that another try may overcome, and the signal's reason
 */
export async function registerStore(work: Registering, path: string): Promise<FileResult> {
  try {
    const content = await readStore(path);
    const { type } = work.destination;
    if (content.kind === 'plate' && type === 'Dataset')
      throw new BadStore('it is a plate, and a dataset holds only images: order it into a screen');
    if (content.kind === 'images' && type === 'Screen')
      throw new BadStore('it is an image and no plate, and a screen holds only plates: order it into a dataset');
    return content.kind === 'plate'
      ? await new PlateRegistration(work, content.plate).run(path)
      : await registerImages(work, content.images, path);
  } catch (error) {
    work.signal.throwIfAborted();
    if (error instanceof BadStore) return failedFile(path, error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      return failedFile(path, `a part of it may not be read: ${describeError(error)}`);
    // What OMERO refuses for good is this store's fault alone.
    if (isBridgeError(error) && !error.retryable && !work.session.lost.aborted) return failedFile(path, error.message);
    throw error;
  }
}

async function registerImages(work: Registering, images: readonly ZarrImage[], path: string): Promise<FileResult> {
  const { session, destination, signal } = work;
  const lsids = images.map((image) => image.lsid);
  const before = await inGroup(session, lsids);
  const there = imagesIn(before, destination.id);
  const missing = images.filter((image) => !there.has(image.lsid));
  if (missing.length > 0) {
    const enumerations = await Enumerations.read(session);
    const orphans = orphansAmong(before, session);
    const links = missing.map((image) => () => {
      const orphan = orphans.get(image.lsid);
      return orphan === undefined
        ? imageInDataset(image, destination.id, enumerations)
        : linkTo('Dataset', destination.id, orphan);
    });
    for (let at = 0; at < links.length; at += imagesPerCall) {
      signal.throwIfAborted();
      await session.saveGraphs(links.slice(at, at + imagesPerCall).map((make) => make()));
    }
  }
  const found = missing.length === 0 ? there : imagesIn(await inGroup(session, lsids), destination.id);
  const imageIds = lsids.flatMap((lsid) => found.get(lsid) ?? []);
  if (imageIds.length < lsids.length) return failedFile(path, 'OMERO saved its images and does not have them');
  return result(path, missing.length === 0, imageIds, []);
}

/** Own images of an earlier try that stand in no dataset and on no plate, by the place of their pixels. */
function orphansAmong(images: readonly ExternalImage[], session: OmeroSession): Map<string, number> {
  const { userId } = session.context;
  const orphans = images.filter((i) => i.ownerId === userId && i.plateId === null && i.datasetIds.length === 0);
  return new Map(orphans.map((i) => [i.lsid, i.imageId]));
}

/** A plate is saved well by well and put into the screen at the end: nobody sees half a plate there. */
class PlateRegistration {
  readonly #work: Registering;
  readonly #plate: ZarrPlate;
  readonly #lsids: readonly string[];

  constructor(work: Registering, plate: ZarrPlate) {
    this.#work = work;
    this.#plate = plate;
    this.#lsids = plate.wells.flatMap((well) => well.fields.map((field) => field.image.lsid));
  }

  async run(path: string): Promise<FileResult> {
    const { session, destination } = this.#work;
    const before = await this.#standing();
    const images = before?.images ?? new Map<string, number>();
    const complete = this.#lsids.every((lsid) => images.has(lsid));
    if (before?.inScreen && complete) return result(path, true, [...images.values()], [before.plateId]);
    const plateId = complete && before ? before.plateId : await this.#save(before);
    if (!before?.inScreen) await session.saveGraphs([linkTo('Screen', destination.id, plateId)]);
    const after = await this.#standing();
    const imageIds = this.#lsids.flatMap((lsid) => after?.images.get(lsid) ?? []);
    if (after?.plateId !== plateId || !after.inScreen || imageIds.length < this.#lsids.length)
      return failedFile(path, `OMERO saved the plate ${plateId} and does not have all of it`);
    return result(path, false, imageIds, [plateId]);
  }

  /** The plate of this store in the destination, or else one of an earlier try that is in no screen yet. */
  async #standing(): Promise<{ plateId: number; inScreen: boolean; images: Map<string, number> } | null> {
    const { session, destination } = this.#work;
    const plates = new Map<number, { plateId: number; inScreen: boolean; images: Map<string, number> }>();
    for (const image of await inGroup(session, this.#lsids)) {
      const { plateId, screenIds, ownerId, lsid, imageId } = image;
      const inScreen = screenIds.includes(destination.id);
      if (plateId === null || (!inScreen && (screenIds.length > 0 || ownerId !== session.context.userId))) continue;
      const plate = plates.get(plateId) ?? { plateId, inScreen, images: new Map() };
      plates.set(plateId, plate);
      if (!plate.images.has(lsid)) plate.images.set(lsid, imageId);
    }
    const [best] = [...plates.values()].toSorted(
      (a, b) => Number(b.inScreen) - Number(a.inScreen) || b.images.size - a.images.size || a.plateId - b.plateId,
    );
    return best ?? null;
  }

  /** Saves the wells that are missing, and the plate with its first when there is none; gives the plate's id. */
  async #save(before: { plateId: number; inScreen: boolean; images: Map<string, number> } | null): Promise<number> {
    const { session, signal } = this.#work;
    const plate = this.#plate;
    const enumerations = await Enumerations.read(session);
    const standing = before && (await this.#fits(before)) ? before : null;
    if (before && !standing) await session.deleteObjects('Plate', [before.plateId]);
    let wells = plate.wells.filter((w) => w.fields.some((f) => !standing?.images.has(f.image.lsid)));
    let plateId = standing?.plateId;
    if (plateId === undefined) {
      const [first, ...others] = wells;
      if (!first) throw new BadStore('no well of the plate has an image');
      [plateId] = await session.saveGraphs([plateGraph(plate, first, enumerations)]);
      if (plateId === undefined) throw new Error('the server told no id of the plate');
      wells = others;
    }
    const acquisitions = plate.acquisitions.length > 0 ? await session.plateAcquisitions(plateId) : new Map();
    for (const well of wells) {
      signal.throwIfAborted();
      await session.saveGraphs([wellOfPlate(well, plate, { plateId, acquisitions }, enumerations)]);
    }
    return plateId;
  }

  /** Whether adding the missing wells completes what stands: each well of it must have all of its images or none. */
  async #fits(before: { plateId: number; inScreen: boolean; images: Map<string, number> }): Promise<boolean> {
    const stored = new Set(await this.#work.session.wellPositions(before.plateId));
    return this.#plate.wells.every((well) => {
      const here = well.fields.filter((f) => before.images.has(f.image.lsid)).length;
      return stored.has(`${well.row}/${well.column}`) ? here === well.fields.length : here === 0;
    });
  }
}

async function inGroup(session: OmeroSession, lsids: readonly string[]): Promise<ExternalImage[]> {
  return (await session.imagesByLsid(lsids)).filter((image) => image.groupId === session.context.groupId);
}

/** The first image of each place in a dataset. */
function imagesIn(images: readonly ExternalImage[], datasetId: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const { lsid, imageId, datasetIds } of images)
    if (datasetIds.includes(datasetId) && !found.has(lsid)) found.set(lsid, imageId);
  return found;
}

function result(path: string, alreadyThere: boolean, imageIds: number[], plateIds: number[]): FileResult {
  const state = alreadyThere ? 'already-there' : 'imported';
  return { path, state, filesetId: null, imageIds, plateIds, error: null };
}
