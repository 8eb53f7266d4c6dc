import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InFlight } from '../lib/in-flight.ts';

/** Permissions of an archive; null: as the umask and the folder above give them. */
export interface ArchiveModes {
  readonly folder: number | null;
  readonly file: number | null;
}

/** Gives everything below a folder, and itself, its permissions. Storages that refuse them keep their own. */
export async function applyModes(root: string, modes: ArchiveModes, signal: AbortSignal): Promise<void> {
  if (modes.folder === null && modes.file === null) return;
  const changing = new InFlight(16);
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (modes.file !== null && entry.isFile()) await changing.add(() => setMode(path, modes.file));
    }
    const made = folder;
    await changing.add(() => setMode(made, modes.folder));
  }
  await changing.settle();
}

/** Sets the permissions of a file or folder of ours, where the storage has such. */
export async function setMode(path: string, mode: number | null): Promise<void> {
  if (mode === null) return;
  await chmod(path, mode).catch((error: NodeJS.ErrnoException) => {
    if (!['EPERM', 'EACCES', 'ENOTSUP', 'EINVAL', 'EROFS'].includes(error.code ?? '')) throw error;
  });
}
