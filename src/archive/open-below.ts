import { constants } from 'node:fs';
import { access, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { bridgeError } from '../domain/errors.ts';

/**
 * Opens a file below a folder for reading, and only there: whoever may write to the storage could have put a link in
 * the place of a file or folder since it was archived. No link is followed out of the folder, no device is opened.
 *
 * @param path relative to the folder, from our own records
 * @throws ARCHIVED_FILE_REFUSED, and what opening a file throws (ENOENT when it is gone)
 */
export async function openBelow(root: string, path: string): Promise<FileHandle> {
  const wanted = join(root, path);
  // O_NONBLOCK: a pipe in the place of a file must not keep us waiting for its writer.
  const file = await open(wanted, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ELOOP' ? refused(path, 'it is a link', error) : error;
    },
  );
  try {
    if (!(await file.stat()).isFile()) throw refused(path, 'it is no file any more');
    // What was really opened, whatever happened to the names since.
    const real = await readlink(`/proc/self/fd/${file.fd}`).catch(() => realpath(wanted));
    if (!real.startsWith((await realpath(root)) + sep)) throw refused(path, 'it lies outside of the archive');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Opens a file of an archive that our records name, for a person who asked for it. What is gone is told as well, and
 * whether the file or the whole archive is.
 *
 * @throws ARCHIVED_FILE_REFUSED
 */
export async function openArchived(root: string, path: string): Promise<FileHandle> {
  try {
    return await openBelow(root, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') throw refused(path, 'this server may not read it', error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    const standing = await access(root).then(
      () => true,
      () => false,
    );
    throw refused(path, standing ? 'it is not there any more' : `${root} cannot be seen from this server`, error);
  }
}

function refused(path: string, reason: string, cause?: unknown): Error {
  return bridgeError('ARCHIVED_FILE_REFUSED', { path, reason }, { cause });
}
