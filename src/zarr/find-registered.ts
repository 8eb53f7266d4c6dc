import type { OmeroSession } from '../omero/session.ts';
import type { DestinationType } from '../domain/vocabulary.ts';
import { readStore } from './read-store.ts';
import { BadStore } from './zarr-node.ts';

/** The images or the plate of an OME-Zarr in a destination, whoever registered them; null unless all of them are there. */
export async function findRegistered(
  session: OmeroSession,
  path: string,
  destination: { readonly type: DestinationType; readonly id: number },
): Promise<{ imageIds: number[]; plateIds: number[] } | null> {
  const content = await readStore(path).catch((error: unknown) => {
    if (error instanceof BadStore) return null;
    throw error;
  });
  if (!content) return null;
  const images =
    content.kind === 'images'
      ? content.images
      : content.plate.wells.flatMap((well) => well.fields.map((field) => field.image));
  const lsids = new Set(images.map((image) => image.lsid));
  const inside = destination.type === 'Dataset' ? 'datasetIds' : 'screenIds';
  const found = (await session.imagesByLsid([...lsids])).filter((image) => image[inside].includes(destination.id));
  for (const image of found) lsids.delete(image.lsid);
  if (lsids.size > 0) return null;
  const plateIds = destination.type === 'Screen' ? found.flatMap((image) => image.plateId ?? []) : [];
  return { imageIds: found.map((image) => image.imageId), plateIds: [...new Set(plateIds)] };
}
