import { open } from 'node:fs/promises';

/**
 * Makes the names in a folder durable. Network file systems may refuse to sync a folder; they make a rename durable by
 * themselves, so that refusal is not an error.
 */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EISDIR' && code !== 'EPERM') throw error;
  } finally {
    await handle.close();
  }
}
