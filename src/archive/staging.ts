/** The staging folder of an archive: begun anew by every attempt, and renamed once what it holds is complete. */
import { createHash } from 'node:crypto';
import { chmod, lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bridgeError } from '../domain/errors.ts';
import type { Landing } from './landing.ts';
import { makeParent, type ArchivePlace } from './layout.ts';
import { manifestName } from './manifest.ts';

/**
 * A new staging folder, empty but for files of the old one to `keep`, that only we can enter while it is filled, so that nobody puts a link where we write; gives
 * the mode that it would have had. The name itself reserves the stamp, so it never goes away, not even for a moment: the
 * new folder is moved over the emptied old one.
 */
export async function beginStaging(
  place: ArchivePlace,
  landing: Landing,
  keep: readonly string[] = [],
): Promise<number> {
  await makeParent(place.parent, landing);
  const old = await landing.kindOf(place.staging);
  if (old === 'folder') {
    // First what a worker that comes too late would know it by.
    await rm(join(place.staging, manifestName), { recursive: true, force: true });
    for (const name of await readdir(place.staging))
      if (!keep.includes(name)) await rm(join(place.staging, name), { recursive: true, force: true });
  } else if (old === 'other') await rm(place.staging);
  const fresh = `${place.staging}.new`;
  await rm(fresh, { recursive: true, force: true });
  await landing.makeFolder(fresh);
  const { mode } = await lstat(fresh);
  if ((await landing.kindOf(fresh)) !== 'folder') throw bridgeError('ARCHIVE_SUPERSEDED', { path: place.final });
  await chmod(fresh, 0o700).catch(ignoreRefusal);
  if (old === 'folder') await moveKept(place.staging, fresh, keep);
  const arrived = async (): Promise<boolean> =>
    (await landing.kindOf(fresh)) === null && (await landing.kindOf(place.staging)) === 'folder';
  await landing.move(fresh, place.staging, arrived).catch(async (error: unknown) => {
    if (!['EEXIST', 'ENOTEMPTY', 'EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    // Some shares do not move a folder over another one.
    await landing.removeEmpty(place.staging);
    await landing.move(fresh, place.staging, arrived);
  });
  return mode & 0o7777;
}

async function moveKept(from: string, to: string, keep: readonly string[]): Promise<void> {
  for (const name of keep)
    await rename(join(from, name), join(to, name)).catch(async (error: NodeJS.ErrnoException) => {
      // What cannot be kept is had again.
      if (error.code !== 'ENOENT') await rm(join(from, name), { recursive: true, force: true });
    });
}

/**
 * Gives the staging folder its final name and makes that durable. What was built is known by its manifest: inodes change
 * on some shares, and an attempt that began anew in between has emptied the folder.
 */
export async function moveIntoPlace(
  place: ArchivePlace,
  manifestSha256: string,
  taskId: string,
  landing: Landing,
): Promise<void> {
  if (!(await holds(place.staging, manifestSha256, landing)))
    throw bridgeError('ARCHIVE_SUPERSEDED', { path: place.final });
  const taken = bridgeError('ARCHIVE_NAME_TAKEN', { path: place.final, task: taskId });
  const arrived = async (): Promise<boolean> => {
    if ((await landing.kindOf(place.final)) === null) return false;
    if (!(await holds(place.final, manifestSha256, landing))) throw taken;
    return true;
  };
  // A rename onto an empty folder would succeed without a word.
  if ((await landing.kindOf(place.final)) !== null) throw taken;
  await landing.move(place.staging, place.final, arrived);
  for (const folder of [place.parent, dirname(place.parent), dirname(dirname(place.parent))])
    await landing.sync(folder);
}

async function holds(folder: string, manifestSha256: string, landing: Landing): Promise<boolean> {
  if ((await landing.kindOf(folder)) !== 'folder') return false;
  const found = await readFile(join(folder, manifestName)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  return found !== null && createHash('sha256').update(found).digest('hex') === manifestSha256;
}

/** Storages that keep no permissions refuse to change them. */
export function ignoreRefusal(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM' && error.code !== 'EACCES' && error.code !== 'ENOTSUP' && error.code !== 'EINVAL')
    throw error;
}
