import { basename, dirname, join } from 'node:path';
import { realpath } from 'node:fs/promises';
import { makePreview } from '../../../previews/make-preview.ts';
import { unwrap } from '../../../omero/rtypes.ts';
import type { Call, Service } from '../context.ts';
import { failure } from '../failures.ts';
import { externalInfo } from '../model.ts';
import { numberOf, textOf, type Stored } from '../objects.ts';

const largest = 2_048;
/** Pictures that were drawn, by pixels and size: they never change here. */
const mostKept = 500;
const kept = new Map<string, Uint8Array>();

/**
 * ThumbnailStore: a picture of the first plane of an image's file. Where OMERO gives JPEG this gives PNG; rendering settings
 * are not looked at. Pixels that cannot be read have none, as in OMERO.
 */
export const thumbnailService: Service = {
  async getThumbnailByLongestSideSet(call, [size, ids]) {
    const side = Number(unwrap(size));
    if (!Number.isSafeInteger(side) || side < 1 || side > largest)
      throw failure('ApiUsageException', `a thumbnail has 1 to ${largest} pixels, not ${String(unwrap(size))}`);
    const pictures = new Map<number, Uint8Array>();
    for (const id of ids as readonly (number | bigint)[]) {
      const picture = await pictureOf(call, Number(id), side);
      if (picture) pictures.set(Number(id), picture);
    }
    return pictures;
  },
  close: () => undefined,
};

async function pictureOf(call: Call, pixelsId: number, size: number): Promise<Uint8Array | null> {
  const { store } = call.server;
  const pixels = store.get('Pixels', pixelsId);
  const image = pixels && store.get('Image', numberOf(pixels, 'image') ?? -1);
  if (!pixels || !image || !call.actor.canRead(pixels)) return null;
  const key = `${pixelsId} ${image.created} ${size}`;
  const known = kept.get(key);
  if (known) return known;
  const path = fileOf(call, image);
  if (path === null) return null;
  try {
    const real = await realpath(path);
    const { png } = await makePreview({ root: dirname(real), path: basename(real), size });
    if (kept.size >= mostKept) kept.clear();
    kept.set(key, png);
    return png;
  } catch (error) {
    call.server.log.debug({ image: image.id, error: String(error) }, 'no thumbnail was drawn');
    return null;
  }
}

function fileOf({ server }: Call, image: Stored): string | null {
  const { store } = server;
  const outside = store.get('ExternalInfo', numberOf(image, externalInfo) ?? -1);
  if (outside) return textOf(outside, 'lsid');
  const [entry] = store.referring('FilesetEntry', 'fileset', numberOf(image, 'fileset') ?? -1);
  const file = entry && store.get('OriginalFile', numberOf(entry, 'originalFile') ?? -1);
  if (!file) return null;
  return join(server.config.get('omero.managed.dir') ?? '', textOf(file, 'path') ?? '', textOf(file, 'name') ?? '');
}
