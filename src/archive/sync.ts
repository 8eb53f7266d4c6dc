import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from '../lib/sync-folder.ts';
import { walkFiles } from './walk.ts';

/**
 * Makes everything below a folder durable: one `sync -f` for its file system (half a million small files would take
 * minutes one by one); where that does not work, each file and folder for itself, which also shows which one fails.
 */
export async function syncTree(root: string, signal: AbortSignal): Promise<void> {
  try {
    await syncFileSystem(root, signal);
  } catch {
    signal.throwIfAborted();
    await syncEach(root, signal);
  }
}

/** Writes to the disk what waits to be written to the file system of `root`. Throws where it cannot, or some of it. */
export async function syncFileSystem(root: string, signal: AbortSignal): Promise<void> {
  await promisify(execFile)('sync', ['-f', root], { signal });
}

/** Makes everything below a folder durable one by one. Throws at the first that is not. */
export async function syncEach(root: string, signal: AbortSignal): Promise<void> {
  const folders = new Set(['']);
  for await (const file of walkFiles(root)) {
    const handle = await open(join(root, file.path), 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    for (let f = dirname(file.path); f !== '.' && !folders.has(f); f = dirname(f)) folders.add(f);
    signal.throwIfAborted();
  }
  for (const folder of folders) await syncFolder(join(root, folder));
}
