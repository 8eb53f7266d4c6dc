/** The local folder in which results wait for their upload, on the classic way: never the only copy of anything. */
import { access, constants, mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { archivePlace } from '../archive/layout.ts';
import { manifestName } from '../archive/manifest.ts';
import { requireSpace, storageError } from '../archive/storage-error.ts';
import type { Run } from '../runs/run.ts';

/**
 * Makes the folder for work and checks that it can be written and has room.
 *
 * @throws STORAGE_NOT_WRITABLE, STORAGE_FULL, STORAGE_FAILED
 */
export async function requireWorkFolder(path: string, need: { bytes: number; files: number }): Promise<void> {
  try {
    // As root we upload as somebody else, who must get through, and need not see what else is there.
    await mkdir(path, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw await storageError(error, path);
  }
  await requireSpace(path, need.bytes, need.files);
}

/** Whether fetched results still lie there: another machine, or a person who tidied up, has none, and fetches again. */
export async function areFetched(path: string): Promise<boolean> {
  return access(join(path, manifestName), constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** Removes what a run of the classic way has in the folder for work, finished or not; other runs keep theirs. */
export async function removeWork(run: Run): Promise<void> {
  if (run.recipe !== 'get-results' || !run.archivePlace) return;
  const { basePath, stamp } = run.archivePlace;
  const place = archivePlace(basePath, run.workflowId, run.taskId, stamp);
  for (const path of [place.final, place.staging, `${place.staging}.new`])
    await rm(path, { recursive: true, force: true });
  // Both hold other runs, or nothing.
  for (const folder of [place.parent, dirname(place.parent)]) await rmdir(folder).catch(() => undefined);
}
