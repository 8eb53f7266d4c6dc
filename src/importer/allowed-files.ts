import { access, constants, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { refuseGroupName, resolveGroupFolder } from '../archive/group-folder.ts';
import { readGroupMappings } from '../archive/group-mappings.ts';
import type { StorageConfig } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { isZarrPath } from '../zarr/store-name.ts';

/** Where an order of a group may take files from: real paths. */
export interface AllowedFolders {
  roots: string[];
  /** Folders of other groups inside the roots. */
  except: string[];
  /** The order's own archive, wherever the group's folder is by now. */
  archive: string | null;
}

/**
 * A mapped group may use its folder; an unmapped one the storage without the folders of other groups: those mapped to
 * them, and those of their names. When `strict` an unmapped group may use the folder of its name alone.
 *
 * @param archive the archive that our worker made this order for; it stays where it is when the mapping changes
 * @param groups names of all groups of OMERO; asked only where they matter
 * @throws GROUP_FOLDER_… when the group's name or mapping leaves the storage
 */
export async function allowedFolders(
  storage: StorageConfig,
  strict: boolean,
  group: { id: number | null; name: string },
  archive: string | null,
  groups: () => Promise<readonly string[]>,
): Promise<AllowedFolders> {
  const [base, place, folder] = await Promise.all([
    real(storage.baseDir),
    archive === null ? null : real(archive),
    resolveGroupFolder(storage, group),
  ]);
  const own = place !== null && isInside(place, [base]) ? place : null;
  if (folder.source === 'mapping' || strict) return { roots: [await real(folder.path)], except: [], archive: own };
  const mapped = [...(await readGroupMappings(storage.mappingFiles)).values()].map((m) => m.folder);
  const named = (await groups()).filter((name) => name !== group.name && refuseGroupName(name) === null);
  const others = await Promise.all([...mapped, ...named].map((name) => real(join(storage.baseDir, name))));
  return { roots: [base], except: others, archive: own };
}

/** Why a file is not imported, as a sentence; null when it may be. Links are followed: where the bytes lie decides. */
export async function refusalOfFile(path: string, allowed: AllowedFolders, group: string): Promise<string | null> {
  if (/[\n\r]/.test(path)) return 'its name holds a line break, which the importer cannot read';
  if (path !== path.trim()) return 'its path begins or ends with a space, which the importer would cut off';
  try {
    const found = await realpath(path);
    const inArchive = allowed.archive !== null && isInside(found, [allowed.archive]);
    if (!inArchive && (!isInside(found, allowed.roots) || isInside(found, allowed.except)))
      return bridgeError('FILE_NOT_ALLOWED', { path, group, allowed: allowed.roots.join(', ') }).message;
    const [about] = await Promise.all([stat(found), access(found, constants.R_OK)]);
    if (!about.isFile() && !isZarrPath(path)) return 'it is neither a file nor a .zarr folder';
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return 'it does not exist';
    if (code === 'EACCES') return `uid ${process.getuid?.()} may not read it`;
    return describeError(error);
  }
}

function isInside(path: string, folders: readonly string[]): boolean {
  return folders.some(
    (folder) => isAbsolute(folder) && (path === folder || path.startsWith(folder.replace(/\/?$/, sep))),
  );
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
