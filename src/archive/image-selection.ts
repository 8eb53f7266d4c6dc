/**
 * Which results are images to import: the one rule for archives on disk, for their lists of files and for orders.
 * Extensions in any case; a `.zarr` folder is one image and nothing inside it is looked at; names that begin with a dot
 * are skipped; links are not followed.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export type FileKind = 'image' | 'table' | 'log' | 'provenance' | 'other';

const imageExtensions = new Set(
  (
    'tif tiff png jpg jpeg gif bmp lsm czi nd2 oib oif vsi scn svs ims lif pic flex zvi zarr dm3 dm4 ser img hdr sdt ' +
    'psd fits dcm dicom stk lei mrc rec st mvd2 afi exp ipw raw nrrd nhdr am amiramesh avi mov flv swf'
  ).split(' '),
);

/** True when a file or folder of this name is an image. */
export function isImageName(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot > 0 && imageExtensions.has(name.slice(dot + 1).toLowerCase());
}

function isZarrName(name: string): boolean {
  return !name.startsWith('.') && name.toLowerCase().endsWith('.zarr');
}

/** The image that a result file is or is part of, as a path below the results; null when it is none. */
export function imageOf(path: string): string | null {
  const parts = path.split('/');
  for (const [index, part] of parts.entries()) {
    if (part.startsWith('.')) return null;
    const last = index === parts.length - 1;
    if (last ? isImageName(part) : isZarrName(part)) return parts.slice(0, index + 1).join('/');
  }
  return null;
}

/** The images among result files, sorted; all files of a `.zarr` give one. */
export function imagesAmong(paths: Iterable<string>): string[] {
  const images = new Set<string>();
  for (const path of paths) {
    const image = imageOf(path);
    if (image !== null) images.add(image);
  }
  return [...images].sort();
}

/** Absolute paths of the images below a folder, sorted. */
export async function selectImages(root: string): Promise<string[]> {
  const images: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!isZarrName(entry.name)) folders.push(path);
        else if ((await readdir(path)).length > 0) images.push(path);
      } else if (entry.isFile() && isImageName(entry.name)) images.push(path);
    }
  }
  return images.sort();
}

/** What a file of an archive is, by its path below the archive. */
export function kindOf(path: string): FileKind {
  if (/^(ro-crate-metadata\.json|manifest-sha256\.txt|[^/]+_out\/metadata\.csv)$/.test(path)) return 'provenance';
  const result = /^[^/]+_out\/data\/out\/(.+)$/s.exec(path)?.[1];
  if (result !== undefined && imageOf(result) !== null) return 'image';
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (name.endsWith('.log')) return 'log';
  if (result !== undefined && /\.(csv|tsv)$/.test(name)) return 'table';
  return 'other';
}
