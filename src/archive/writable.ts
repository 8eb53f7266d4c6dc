/** Whether a group's archives can be written, found by really doing it, as the user we run as. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { archivesFolder } from './layout.ts';
import { ownGid, ownUid, storageError } from './storage-error.ts';

/**
 * Makes the group folder when it is missing (only itself: its parent must be there) and `.analyzed`; then creates,
 * writes, syncs, renames and removes a small file in it. Throws GROUP_FOLDER_NOT_WRITABLE and STORAGE_….
 */
export async function checkWritable(
  groupFolder: string,
  group: string,
  options: { create?: boolean } = {},
): Promise<void> {
  const folder = join(groupFolder, archivesFolder);
  const probe = join(folder, `.probe-${process.pid}-${randomBytes(6).toString('hex')}`);
  let at = groupFolder;
  try {
    if (options.create !== false) await makeFolder(groupFolder);
    at = folder;
    await makeFolder(folder);
    if ((await lstat(folder)).isSymbolicLink()) throw new Error(`${archivesFolder} is a link`);
    at = probe;
    const handle = await open(
      probe,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await handle.writeFile('write access test\n');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(probe, `${probe}.2`);
    await rm(`${probe}.2`);
  } catch (error) {
    await rm(probe, { force: true }).catch(() => {});
    throw await writableError(error, at, groupFolder, group);
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

async function writableError(failure: unknown, at: string, groupFolder: string, group: string): Promise<Error> {
  const known = await storageError(failure, at);
  if (isBridgeError(known, 'STORAGE_FULL')) return known;
  const code = (failure as NodeJS.ErrnoException).code;
  // Named is the nearest folder that exists: that is where somebody has to change something.
  const inside = at === groupFolder ? dirname(groupFolder) : dirname(at);
  const path = await stat(inside).then(
    () => inside,
    () => groupFolder,
  );
  const stats = await stat(path).catch(() => null);
  return bridgeError(
    'GROUP_FOLDER_NOT_WRITABLE',
    {
      group,
      path,
      uid: ownUid(),
      gid: ownGid(),
      owner: stats ? `${stats.uid}:${stats.gid}` : 'nobody (it does not exist)',
      mode: stats ? (stats.mode & 0o7777).toString(8) : 'none',
      reason: code === 'EROFS' ? 'the storage is mounted read-only' : describeError(failure),
    },
    { cause: failure },
  );
}
