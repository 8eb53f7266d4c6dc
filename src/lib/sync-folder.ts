import { open } from 'node:fs/promises';

/** What network file systems and folders without read permission answer. */
const refusals = new Set(['EINVAL', 'ENOTSUP', 'EISDIR', 'EPERM', 'EACCES']);

/**
 * Makes the names in a folder durable. Network file systems may refuse to sync a folder; they make a rename durable by
 * themselves, so that refusal is not an error. `openFolder` stands in for opening it.
 */
export async function syncFolder(
  path: string,
  openFolder: (path: string) => Promise<{ sync(): Promise<void>; close(): Promise<void> }> = open,
): Promise<void> {
  try {
    const handle = await openFolder(path);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!refusals.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
