/** Pure: what OMERO has of an order's files, and what is left to import. */
import type { DestinationType } from '../domain/vocabulary.ts';
import { clientPathOf } from '../omero/client-path.ts';

/** A fileset that OMERO knows under the path of a file. */
export interface KnownFileset {
  filesetId: number;
  clientPath: string;
  imageIds: number[];
  plateIds: number[];
  datasetIds: number[];
}

export interface FoundFileset {
  filesetId: number;
  imageIds: number[];
  plateIds: number[];
}

export interface FoundFiles {
  /** Files whose images or plates stand in the destination. */
  there: Map<string, FoundFileset>;
  /** Files of which OMERO made something that the destination cannot hold: importing again would only double it. */
  misplaced: Map<string, string>;
}

/** Looks through filesets for those of these paths. Filesets without images, of imports that failed, count for nothing. */
export function locateFiles(
  destination: { type: DestinationType; id: number },
  paths: readonly string[],
  filesets: readonly KnownFileset[],
): FoundFiles {
  const byClientPath = new Map(paths.map((path) => [clientPathOf(path), path]));
  const found: FoundFiles = { there: new Map(), misplaced: new Map() };
  for (const fileset of filesets) {
    const path = byClientPath.get(fileset.clientPath);
    if (path === undefined || found.there.has(path)) continue;
    const { filesetId, imageIds, plateIds, datasetIds } = fileset;
    const isPlate = plateIds.length > 0;
    if (destination.type === 'Screen') {
      if (isPlate) found.there.set(path, { filesetId, imageIds, plateIds });
      else if (imageIds.length > 0)
        found.misplaced.set(path, 'OMERO reads it as an image and not as a plate, and a screen holds only plates');
    } else if (imageIds.length > 0 && datasetIds.includes(destination.id)) {
      found.there.set(path, { filesetId, imageIds, plateIds });
    } else if (isPlate) {
      found.misplaced.set(path, 'OMERO reads it as a plate, and a dataset holds only images: order it into a screen');
    }
  }
  for (const path of found.there.keys()) found.misplaced.delete(path);
  return found;
}

/**
 * Files that OMERO would store under the same name as another one of the order, each with the reason. It could not be
 * told afterwards which of them was imported.
 */
export function clashingNames(paths: readonly string[]): Map<string, string> {
  const first = new Map<string, string>();
  const clashes = new Map<string, string>();
  for (const path of paths) {
    const name = clientPathOf(path);
    const other = first.get(name);
    if (other === undefined) first.set(name, path);
    else clashes.set(path, `OMERO would store it under the same name as ${other}`);
  }
  return clashes;
}
