import { imageNameOf, imageStem } from '../../src/previews/image-names.ts';

/** An image of the results with what lies over it. */
export interface GalleryItem<T> {
  /** What is shown: labels alone, or an image. */
  image: T;
  /** Labels that were found in `image` and are among the results too. */
  labels: T | null;
  /** `image` is labels whose source is not among the results: the server may find it among the input. */
  alone: boolean;
}

/** Puts labels over the image that they are named after, where both are among the results. */
export function pairImages<T extends { path: string }>(images: readonly T[]): GalleryItem<T>[] {
  const byStem = new Map(images.map((image) => [imageStem(image.path), image]));
  const labelsOf = new Map<T, T>();
  for (const image of images) {
    const name = imageNameOf(image.path);
    const source = name === null ? undefined : byStem.get(name);
    if (source && source !== image && !labelsOf.has(source)) labelsOf.set(source, image);
  }
  const covered = new Set(labelsOf.values());
  return images
    .filter((image) => !covered.has(image))
    .map((image) => ({
      image,
      labels: labelsOf.get(image) ?? null,
      alone: !labelsOf.has(image) && imageNameOf(image.path) !== null,
    }));
}
