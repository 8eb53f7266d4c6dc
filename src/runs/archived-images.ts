import { join } from 'node:path';
import type { ArchiveFileRow } from './read-runs.ts';

/** An image of an archive as it is ordered: one file, or a whole `.zarr` folder. */
export interface ArchivedImage {
  /** Relative to the archive. */
  path: string;
  absolute: string;
  bytes: number;
  /** Of a single file; empty for a folder, whose chunks have their own. */
  sha256: string;
  /** Paths of the files it is made of. */
  members: ReadonlySet<string>;
}

/** What a run's orders ask for: its images, and where they ask for them the labels inside of its OME-Zarrs. */
export function orderedOf(archivePath: string, files: ArchiveFileRow[], labels: boolean): ArchivedImage[] {
  return [...imagesOf(archivePath, files), ...(labels ? labelsOf(archivePath, files) : [])];
}

/** The labels of OME-Zarrs, each an image of its own, in order of their path. */
export function labelsOf(archivePath: string, files: ArchiveFileRow[]): ArchivedImage[] {
  const labels = new Map<string, { bytes: number; members: Set<string>; known: boolean }>();
  for (const { path: file, bytes } of files) {
    const root = zarrRoot(file);
    const name = root === null ? null : /^\/labels\/([^/]+)\/(.+)$/s.exec(file.slice(root.length));
    if (root === null || !name?.[1] || name[1].startsWith('.')) continue;
    const path = `${root}/labels/${name[1]}`;
    const label = labels.get(path) ?? { bytes: 0, members: new Set(), known: false };
    labels.set(path, label);
    label.bytes += bytes;
    label.members.add(file);
    label.known ||= ['.zattrs', '.zgroup', 'zarr.json'].includes(name[2] ?? '');
  }
  return [...labels]
    .filter(([, label]) => label.known)
    .map(([path, { bytes, members }]) => ({ path, absolute: join(archivePath, path), bytes, sha256: '', members }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Images among archived files, in order of their path; the files of one `.zarr` count as one image. */
export function imagesOf(archivePath: string, files: ArchiveFileRow[]): ArchivedImage[] {
  const images = new Map<string, { bytes: number; sha256: string; members: Set<string> }>();
  for (const file of files) {
    if (file.kind !== 'image') continue;
    const path = zarrRoot(file.path) ?? file.path;
    const image = images.get(path);
    if (image) {
      image.bytes += file.bytes;
      image.sha256 = '';
      image.members.add(file.path);
    } else {
      const single = path === file.path;
      images.set(path, { bytes: file.bytes, sha256: single ? file.sha256 : '', members: new Set([file.path]) });
    }
  }
  return [...images]
    .map(([path, image]) => ({ path, absolute: join(archivePath, path), ...image }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function zarrRoot(path: string): string | null {
  const parts = path.split('/');
  const index = parts.findIndex((p, i) => i < parts.length - 1 && p.toLowerCase().endsWith('.zarr'));
  return index < 0 ? null : parts.slice(0, index + 1).join('/');
}
