import type { OmeroLink } from '../link.ts';
import { numberAt, project, projectEach, rowsById, textAt } from './project.ts';

/** An image whose pixels lie outside of OMERO's repository, such as in an OME-Zarr. */
export interface ExternalImage {
  /** Where they lie, as written when it was registered. */
  readonly lsid: string;
  readonly imageId: number;
  readonly ownerId: number;
  readonly groupId: number;
  readonly datasetIds: number[];
  /** The plate that it is a field of. */
  readonly plateId: number | null;
  /** Screens of that plate. */
  readonly screenIds: number[];
}

const imagesOfLsids =
  'select i.id, e.lsid, i.details.owner.id, i.details.group.id from Image i join i.details.externalInfo e where e.lsid in (:lsids)';
const datasetsOfImages = 'select l.child.id, l.parent.id from DatasetImageLink l where l.child.id in (:ids)';
const platesOfImages = 'select ws.image.id, w.plate.id from WellSample ws join ws.well w where ws.image.id in (:ids)';
const screensOfPlates = 'select l.child.id, l.parent.id from ScreenPlateLink l where l.child.id in (:ids)';
const acquisitionsOfPlate = 'select a.id, a.name from PlateAcquisition a where a.plate.id = :id';

const positionsOfPlate = 'select w.row, w.column from Well w where w.plate.id = :id';

/** Images with exactly one of these as their external place, by id, in all groups that the user sees. */
export async function imagesByLsid(link: OmeroLink, lsids: readonly string[]): Promise<ExternalImage[]> {
  const rows = await projectEach(link, imagesOfLsids, 'lsids', lsids);
  const ids = rows.map((row) => numberAt(row, 0));
  const datasets = rowsById(await projectEach(link, datasetsOfImages, 'ids', ids));
  const plates = rowsById(await projectEach(link, platesOfImages, 'ids', ids));
  const plateIds = [...plates.values()].map(([row]) => numberAt(row ?? [], 1));
  const screens = rowsById(await projectEach(link, screensOfPlates, 'ids', plateIds));
  const images = rows.map((row): ExternalImage => {
    const imageId = numberAt(row, 0);
    const [well] = plates.get(imageId) ?? [];
    const plateId = well ? numberAt(well, 1) : null;
    return {
      lsid: textAt(row, 1),
      imageId,
      ownerId: numberAt(row, 2),
      groupId: numberAt(row, 3),
      datasetIds: (datasets.get(imageId) ?? []).map((r) => numberAt(r, 1)),
      plateId,
      screenIds: plateId === null ? [] : (screens.get(plateId) ?? []).map((r) => numberAt(r, 1)),
    };
  });
  return images.toSorted((a, b) => a.imageId - b.imageId);
}

/** Datasets that hold each of these images, by image id, in all groups that the user sees. */
export async function datasetsOf(link: OmeroLink, imageIds: readonly number[]): Promise<Map<number, number[]>> {
  const rows = rowsById(await projectEach(link, datasetsOfImages, 'ids', imageIds));
  // An image linked twice (by two users) lies in one dataset.
  return new Map([...rows].map(([image, found]) => [image, [...new Set(found.map((row) => numberAt(row, 1)))]]));
}

/** Acquisitions of a plate, by name. */
export async function plateAcquisitions(link: OmeroLink, plateId: number): Promise<Map<string, number>> {
  const rows = await project(link, acquisitionsOfPlate, { id: plateId });
  return new Map(rows.map((row) => [textAt(row, 1), numberAt(row, 0)]));
}

/** Places of a plate that have a well, as `row/column` counted from 0. */
export async function wellPositions(link: OmeroLink, plateId: number): Promise<string[]> {
  const rows = await project(link, positionsOfPlate, { id: plateId });
  // A well that another program made may have no place.
  const placed = rows.filter(([row, column]) => row !== null && column !== null);
  return placed.map((row) => `${numberAt(row, 0)}/${numberAt(row, 1)}`);
}
