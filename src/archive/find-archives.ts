/** Archives among folders, by their names alone: `.analyzed/<workflow uuid>/<YYYYMMDD_HHMMSS>`. */
import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { archivesFolder } from './layout.ts';
import { manifestName } from './manifest.ts';

const workflowForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const stampForm = /^\d{8}_\d{6}$/;
/** Group folders lie this deep below the storage's root, or less. */
const deepest = 4;

/**
 * Finds archives at or below a folder: an archive itself, a workflow's folder, `.analyzed`, a group folder or the
 * storage's root. Links are not followed, and raw data are not gone through: a folder with `.analyzed` is not looked
 * into further. Sorted.
 */
export async function findArchives(root: string): Promise<string[]> {
  const found: string[] = [];
  await look(root, 0, found);
  return found.sort();
}

async function look(folder: string, depth: number, found: string[]): Promise<void> {
  const name = basename(folder);
  if (stampForm.test(name) || (depth === 0 && (await isArchive(folder)))) {
    found.push(folder);
    return;
  }
  const folders = (await readdir(folder, { withFileTypes: true })).filter((e) => e.isDirectory()).map((e) => e.name);
  if (workflowForm.test(name)) {
    for (const stamp of folders.filter((f) => stampForm.test(f))) found.push(join(folder, stamp));
    return;
  }
  if (name === archivesFolder) {
    for (const workflow of folders.filter((f) => workflowForm.test(f))) await look(join(folder, workflow), 1, found);
    return;
  }
  if (folders.includes(archivesFolder)) return look(join(folder, archivesFolder), 1, found);
  if (depth >= deepest) return;
  for (const inner of folders)
    if (!inner.startsWith('.') && !inner.toLowerCase().endsWith('.zarr'))
      await look(join(folder, inner), depth + 1, found).catch((error: NodeJS.ErrnoException) => {
        // Folders of others may be closed to us; their archives would be too.
        if (error.code !== 'EACCES' && error.code !== 'ENOENT') throw error;
      });
}

async function isArchive(folder: string): Promise<boolean> {
  return lstat(join(folder, manifestName)).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
