import { clientPathOf } from '../client-path.ts';
import type { OmeroLink } from '../link.ts';
import { numberAt, projectEach, rowsById, textAt } from './project.ts';

export interface FilesetByPath {
  readonly filesetId: number;
  /** As OMERO stores it: `clientPathOf` of the path asked for. */
  readonly clientPath: string;
  readonly imageIds: number[];
  readonly plateIds: number[];
  readonly datasetIds: number[];
}

export interface FilesetContents {
  readonly filesetId: number;
  readonly clientPaths: string[];
  readonly imageIds: number[];
  readonly plateIds: number[];
}

export interface StoredFile {
  readonly imageId: number;
  /** Folder below the managed repository. */
  readonly path: string;
  readonly name: string;
  readonly clientPath: string;
}

const entriesByPath =
  'select f.id, u.clientPath from FilesetEntry u join u.fileset f where u.clientPath in (:paths) order by f.id';
const entriesById = 'select f.id, u.clientPath from FilesetEntry u join u.fileset f where f.id in (:ids) order by u.id';
const imagesByFileset = 'select i.fileset.id, i.id from Image i where i.fileset.id in (:ids) order by i.id';
const platesByFileset =
  'select distinct i.fileset.id, p.id from Plate p join p.wells w join w.wellSamples ws join ws.image i where i.fileset.id in (:ids)';
const datasetsByFileset =
  'select distinct i.fileset.id, l.parent.id from DatasetImageLink l join l.child i where i.fileset.id in (:ids)';
const unfinishedJobs =
  'select distinct l.parent.id from FilesetJobLink l join l.child j where l.parent.id in (:ids) and j.started is not null and j.finished is null';
const filesByImage =
  'select i.id, o.path, o.name, u.clientPath from FilesetEntry u join u.originalFile o join u.fileset f join f.images i where i.id in (:ids) order by i.id, u.id';

/** Of a folder that Bio-Formats reads as one image, OMERO knows the files: one of these is always among them. */
const filesOfStores = ['.zattrs', '.zgroup', 'zarr.json', 'OME/METADATA.ome.xml'];

/** Client paths to look for, each with that of the path asked for. */
function askedPaths(paths: readonly string[]): Map<string, string> {
  const asked = new Map<string, string>();
  for (const path of paths) {
    const known = clientPathOf(path);
    asked.set(known, known);
    if (/\.zarr$/i.test(path)) for (const file of filesOfStores) asked.set(clientPathOf(`${path}/${file}`), known);
  }
  return asked;
}

/**
 * Filesets with an entry whose client path is exactly one of these, sanitised as OMERO does; one row per fileset and path.
 * Filesets without images are among them: those of an import that runs or failed. An OME-Zarr is found by its files.
 */
export async function filesetsByClientPath(link: OmeroLink, paths: readonly string[]): Promise<FilesetByPath[]> {
  const asked = askedPaths(paths);
  const rows = await projectEach(link, entriesByPath, 'paths', [...asked.keys()]);
  const entries = new Map(
    rows.map((row) => {
      const entry = { filesetId: numberAt(row, 0), clientPath: asked.get(textAt(row, 1)) ?? textAt(row, 1) };
      return [`${entry.filesetId}:${entry.clientPath}`, entry];
    }),
  );
  const ids = [...entries.values()].map((entry) => entry.filesetId);
  const [images, plates, datasets] = await Promise.all([
    idsByFileset(link, imagesByFileset, ids),
    idsByFileset(link, platesByFileset, ids),
    idsByFileset(link, datasetsByFileset, ids),
  ]);
  return [...entries.values()].map(({ filesetId, clientPath }) => {
    return {
      filesetId,
      clientPath,
      imageIds: images.get(filesetId) ?? [],
      plateIds: plates.get(filesetId) ?? [],
      datasetIds: datasets.get(filesetId) ?? [],
    };
  });
}

/** What the given filesets hold; one that does not exist (any more) is left out. */
export async function filesetContents(link: OmeroLink, filesetIds: readonly number[]): Promise<FilesetContents[]> {
  const entries = rowsById(await projectEach(link, entriesById, 'ids', filesetIds));
  const [images, plates] = await Promise.all([
    idsByFileset(link, imagesByFileset, filesetIds),
    idsByFileset(link, platesByFileset, filesetIds),
  ]);
  const known = new Set([...entries.keys(), ...images.keys(), ...plates.keys()]);
  return [...new Set(filesetIds)]
    .filter((id) => known.has(id))
    .map((filesetId) => ({
      filesetId,
      clientPaths: (entries.get(filesetId) ?? []).map((row) => textAt(row, 1)),
      imageIds: images.get(filesetId) ?? [],
      plateIds: plates.get(filesetId) ?? [],
    }));
}

/** Those of the filesets that have an import job which started and has not finished. */
export async function unfinishedImportJobs(link: OmeroLink, filesetIds: readonly number[]): Promise<number[]> {
  const rows = await projectEach(link, unfinishedJobs, 'ids', filesetIds);
  return rows.map((row) => numberAt(row, 0));
}

/** Where OMERO keeps the files of the images' filesets, by image. */
export async function storedFilesOf(link: OmeroLink, imageIds: readonly number[]): Promise<StoredFile[]> {
  const rows = await projectEach(link, filesByImage, 'ids', imageIds);
  return rows.map((row) => ({
    imageId: numberAt(row, 0),
    path: textAt(row, 1),
    name: textAt(row, 2),
    clientPath: textAt(row, 3),
  }));
}

async function idsByFileset(
  link: OmeroLink,
  hql: string,
  filesetIds: readonly number[],
): Promise<Map<number, number[]>> {
  const rows = rowsById(await projectEach(link, hql, 'ids', filesetIds));
  return new Map([...rows].map(([id, group]) => [id, group.map((row) => numberAt(row, 1)).toSorted((a, b) => a - b)]));
}
