/** Small pictures of images, as OMERO draws them with their rendering settings. */
import { rint } from '../rtypes.ts';
import type { OmeroLink } from '../link.ts';
import { withService } from '../stateful.ts';
import { numberAt, projectEach } from './project.ts';

const pixelsOfImages =
  'select i.id, p.id, i.details.group.id from Pixels p join p.image i where i.id in (:ids) order by p.id';

/** OMERO draws those that are not drawn yet one after another. */
const imagesPerCall = 30;
const largest = 2_048;

/** A picture as OMERO made it: JPEG, of some servers PNG. */
export interface Thumbnail {
  readonly mediaType: 'image/jpeg' | 'image/png';
  readonly bytes: Uint8Array;
}

/**
 * Thumbnails of images that the user sees, in whatever group, by image id. An image without one is left out: it has no
 * pixels yet, or OMERO cannot read them.
 *
 * @param size longest side in pixels, at most 2,048
 */
export async function thumbnails(
  link: OmeroLink,
  imageIds: readonly number[],
  size: number,
): Promise<Map<number, Thumbnail>> {
  const pixels = await pixelsOf(link, imageIds);
  const found = new Map<number, Thumbnail>();
  for (const group of new Set(pixels.map((p) => p.group))) {
    const own = pixels.filter((p) => p.group === group);
    const operation = 'asking for thumbnails';
    await withService(
      link,
      { create: 'createThumbnailStore', iface: 'ThumbnailStore' },
      { group, operation },
      async (ask) => {
        for (let at = 0; at < own.length; at += imagesPerCall) {
          const batch = own.slice(at, at + imagesPerCall);
          const ids = batch.map((p) => p.pixelsId);
          const side = rint(Math.min(largest, Math.max(1, Math.round(size))));
          const answer = (await ask('getThumbnailByLongestSideSet', [side, ids])) as Map<number | bigint, Uint8Array>;
          const byId = new Map([...answer].map(([id, bytes]) => [Number(id), bytes]));
          for (const { imageId, pixelsId } of batch) {
            const bytes = byId.get(pixelsId);
            const mediaType = bytes ? mediaTypeOf(bytes) : null;
            if (bytes && mediaType) found.set(imageId, { mediaType, bytes });
          }
        }
      },
    );
  }
  return found;
}

/** The pixels of images: the first set of each, the others are of old clients. */
export async function pixelsOf(
  link: OmeroLink,
  imageIds: readonly number[],
): Promise<{ imageId: number; pixelsId: number; group: number }[]> {
  const pixels = new Map<number, { imageId: number; pixelsId: number; group: number }>();
  for (const row of await projectEach(link, pixelsOfImages, 'ids', imageIds)) {
    const imageId = numberAt(row, 0);
    if (!pixels.has(imageId)) pixels.set(imageId, { imageId, pixelsId: numberAt(row, 1), group: numberAt(row, 2) });
  }
  return [...pixels.values()];
}

function mediaTypeOf(bytes: Uint8Array): Thumbnail['mediaType'] | null {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return 'image/jpeg';
  return bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e ? 'image/png' : null;
}
