import { basename } from 'node:path';

/** Whether a path of an order is an OME-Zarr: a `.zarr` folder, or a label below one. */
export function isZarrPath(path: string): boolean {
  return /\.zarr\/*$/i.test(path) || isLabelPath(path);
}

export function isLabelPath(path: string): boolean {
  return /\.zarr\/labels\/[^/]+\/*$/i.test(path);
}

/** Name of a store's image: `genome.zarr` and `genome.ome.zarr` are `genome`; of a label, `genome [nuclei]`. */
export function storeName(path: string): string {
  const label = /^(.*\.zarr)\/labels\/([^/]+?)\/*$/i.exec(path);
  if (label?.[1] && label[2]) return `${storeName(label[1])} [${stripped(label[2])}]`;
  return stripped(basename(path));
}

function stripped(name: string): string {
  return name.replace(/(?<=.)\.zarr$/i, '').replace(/(?<=.)\.ome$/i, '');
}
