import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface WalkedFile {
  /** Below the root, with `/`. */
  path: string;
  bytes: number;
  /** False for links, devices and whatever else does not belong into an archive. */
  regular: boolean;
}

/** Names looked at together: one after the other, waiting takes most of the time. */
const together = 64;

/** Everything below a folder that is not a folder itself; links are named, never followed. */
export async function* walkFiles(root: string): AsyncGenerator<WalkedFile> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const names: string[] = [];
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else names.push(path);
    }
    for (let from = 0; from < names.length; from += together)
      yield* await Promise.all(
        names.slice(from, from + together).map(async (path) => {
          const stats = await lstat(join(root, path));
          return { path, bytes: stats.size, regular: stats.isFile() };
        }),
      );
  }
}
