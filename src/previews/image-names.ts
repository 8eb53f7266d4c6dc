const labelWord = /[ _.-]*(?:cp[_-]?masks?|labels?|masks?|segmentation|segmented|seg|instances?)$/i;

/** `data/out/a_labels.ome.tif` gives `data/out/a`; null for a name that does not speak of labels. */
export function imageNameOf(path: string): string | null {
  const stem = imageStem(path);
  const without = stem.replace(labelWord, '');
  return without !== stem && without !== '' && !without.endsWith('/') ? without : null;
}

/** An image's path without the ending that tells its format. */
export function imageStem(path: string): string {
  return path.replace(/(?:\.ome)?\.(?:tiff?|png|zarr|jpe?g)$/i, '');
}
