/** An image of the results with what lies over it. */
export interface GalleryItem<T> {
  /** What is shown: labels alone, or an image. */
  image: T;
  /** Labels that were found in `image` and are among the results too. */
  labels: T | null;
}

const labelWord = /[ _.-]*(?:cp[_-]?masks?|labels?|masks?|segmentation|segmented|seg|instances?)$/i;

/** `data/out/a_labels.ome.tif` gives `data/out/a`; null for a name that does not speak of labels. */
export function imageNameOf(path: string): string | null {
  const stem = stemOf(path);
  const without = stem.replace(labelWord, '');
  return without !== stem && without !== '' && !without.endsWith('/') ? without : null;
}

function stemOf(path: string): string {
  return path.replace(/(?:\.ome)?\.(?:tiff?|png|zarr|jpe?g)$/i, '');
}

/** Puts labels over the image that they are named after, where both are among the results. */
export function pairImages<T extends { path: string }>(images: readonly T[]): GalleryItem<T>[] {
  const byStem = new Map(images.map((image) => [stemOf(image.path), image]));
  const labelsOf = new Map<T, T>();
  for (const image of images) {
    const name = imageNameOf(image.path);
    const source = name === null ? undefined : byStem.get(name);
    if (source && source !== image && !labelsOf.has(source)) labelsOf.set(source, image);
  }
  const covered = new Set(labelsOf.values());
  return images.filter((image) => !covered.has(image)).map((image) => ({ image, labels: labelsOf.get(image) ?? null }));
}
