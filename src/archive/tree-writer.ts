/**
 * Creates files and folders below one root that nobody else writes to. Every file is new (O_EXCL) and never reached
 * through a link (O_NOFOLLOW); every folder is made here. Names come checked by `checkEntryName`.
 */
import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { bridgeError } from '../domain/errors.ts';
import { showName } from './entry-name.ts';
import { storageError } from './storage-error.ts';

export class TreeWriter {
  readonly root: string;
  readonly #where: string;
  readonly #folders = new Map<string, Promise<void>>();

  /** `where`: the place that people have to look at when a name is refused. */
  constructor(root: string, where: string) {
    this.root = root;
    this.#where = where;
  }

  /** Makes a folder and those above it, up to the root. */
  folder(path: string): Promise<void> {
    if (path === '') return Promise.resolve();
    let made = this.#folders.get(path);
    if (!made) {
      made = this.folder(parentOf(path)).then(() => this.#makeFolder(path));
      made.catch(() => {});
      this.#folders.set(path, made);
    }
    return made;
  }

  /** Creates a file, empty and open for writing; the caller closes it. */
  async create(path: string, bytes: number): Promise<FileHandle> {
    await this.folder(parentOf(path));
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    try {
      return await open(join(this.root, path), flags, 0o666);
    } catch (error) {
      throw await this.refusal(error, path, bytes);
    }
  }

  /** Creates a file by a copy that `copyTo` makes under a new name; it comes open for reading. The caller closes it. */
  async copy(path: string, bytes: number, copyTo: (file: string) => Promise<void>): Promise<FileHandle> {
    await this.folder(parentOf(path));
    const file = join(this.root, path);
    try {
      await copyTo(file);
      const copied = await open(file, constants.O_RDWR | constants.O_NOFOLLOW);
      // A copy keeps the mode that the file had on the cluster; here it is a file like all others.
      await copied.chmod(0o666 & ~process.umask()).catch(() => {});
      return copied;
    } catch (error) {
      throw await this.refusal(error, path, bytes);
    }
  }

  /** Creates a file with this content; `mtime` in seconds since 1970. */
  async write(path: string, data: Buffer, mtime?: number): Promise<void> {
    const file = await this.create(path, data.length);
    try {
      await file.writeFile(data);
      if (mtime !== undefined) await setTime(file, mtime);
    } catch (error) {
      throw await this.refusal(error, path, data.length);
    } finally {
      await file.close();
    }
  }

  async #makeFolder(path: string): Promise<void> {
    try {
      await mkdir(join(this.root, path));
    } catch (error) {
      throw await this.refusal(error, path, 0);
    }
  }

  /** Why a name was not taken, for people. */
  refusal(error: unknown, path: string, bytes: number): Promise<Error> {
    return refusedByStorage(error, this.root, path, bytes, this.#where);
  }
}

/** Why the storage did not take a name below `root`, for people; `where`: the place to look at. */
export async function refusedByStorage(
  error: unknown,
  root: string,
  path: string,
  bytes: number,
  where: string,
): Promise<Error> {
  const code = (error as NodeJS.ErrnoException).code;
  const reason =
    code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR'
      ? 'the storage takes its name for the same as another one (upper and lower case, or accents)'
      : code === 'ENAMETOOLONG'
        ? 'its path is too long for the storage'
        : code === 'EINVAL' || code === 'EILSEQ'
          ? 'the storage does not accept its name'
          : null;
  if (reason === null) return storageError(error, join(root, path), bytes);
  return bridgeError('ARCHIVE_ENTRY_REFUSED', { entry: showName(path), reason, where }, { cause: error });
}

/** Sets a file's time; storages that refuse it (some SMB shares) keep their own. */
export async function setTime(file: FileHandle, mtime: number): Promise<void> {
  const time = Math.min(Math.max(mtime, 0), 0xffffffff);
  await file.utimes(time, time).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM' && error.code !== 'EACCES' && error.code !== 'EINVAL' && error.code !== 'ENOTSUP')
      throw error;
  });
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
