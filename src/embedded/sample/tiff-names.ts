import { readdir } from 'node:fs/promises';
import { bridgeError, describeError } from '../../domain/errors.ts';

/**
 * Names of a folder's TIFF files.
 *
 * @throws INPUT_FOLDER_UNREADABLE, INPUT_FOLDER_WITHOUT_IMAGES
 */
export async function tiffNames(folder: string): Promise<string[]> {
  const all = await readdir(folder).catch((error: unknown) => {
    throw bridgeError('INPUT_FOLDER_UNREADABLE', { folder, reason: describeError(error) }, { cause: error });
  });
  const names = all.filter((n) => /\.tiff?$/i.test(n)).sort();
  if (!names.length) throw bridgeError('INPUT_FOLDER_WITHOUT_IMAGES', { folder });
  return names;
}
