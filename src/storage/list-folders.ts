import { constants } from 'node:fs';
import { open, readdir, readlink, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { archivesFolder } from '../archive/layout.ts';
import { realBase, refuseFolder, trimSlash } from '../archive/group-folder.ts';
import { bridgeError, describeError } from '../domain/errors.ts';

/** Folders are read one level at a time; a folder with more than these is searched by typing its name. */
const mostFolders = 1_000;

export interface FolderList {
  /** Relative to the storage; empty: the storage itself. */
  path: string;
  folders: string[];
  /** There are more than are listed. */
  more: boolean;
}

/**
 * The folders in a folder of the storage, by name. No link is followed on the way, and none is listed; archives are not
 * listed either.
 *
 * @param path relative to `baseDir`; empty: `baseDir` itself
 * @throws FOLDER_NOT_LISTED, STORAGE_BASE_MISSING
 */
export async function listFolders(baseDir: string, path: string): Promise<FolderList> {
  const refused = (reason: string, cause?: unknown): Error =>
    bridgeError('FOLDER_NOT_LISTED', { folder: path, reason }, { cause });
  const wanted = trimSlash(path);
  const refusal = wanted === '' ? null : refuseFolder(wanted);
  if (refusal !== null) throw refused(refusal);
  const base = await realBase(baseDir);
  const folder = wanted === '' ? base : join(base, wanted);
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(folder, flags).catch((error: unknown) => {
    throw refused(describeError(error), error);
  });
  try {
    // What was really opened, whatever happened to the names since: a link anywhere on the way gives another path.
    const opened = `/proc/self/fd/${handle.fd}`;
    const real = await readlink(opened).catch(() => null);
    if ((real ?? (await realpath(folder))) !== folder) throw refused('a link leads elsewhere on the way to it');
    const entries = await readdir(real === null ? folder : opened, { withFileTypes: true }).catch((error: unknown) => {
      throw refused(describeError(error), error);
    });
    const folders = entries
      .filter((e) => e.isDirectory() && e.name.toLowerCase() !== archivesFolder && refuseFolder(e.name) === null)
      .map((e) => e.name)
      .sort((a, b) => a.localeCompare(b, 'en'));
    const more = folders.length > mostFolders;
    return { path: wanted.split(sep).join('/'), folders: folders.slice(0, mostFolders), more };
  } finally {
    await handle.close();
  }
}
