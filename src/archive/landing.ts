/**
 * The few calls by which an archive gets its names, with the manners of network file systems: another host's folder shows
 * late, a handle goes stale, an error is reported for what has happened. Everything else is new files in a staging folder.
 */
import { lstat, mkdir, readdir, rename, rmdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { bridgeError } from '../domain/errors.ts';
import { syncFolder } from '../lib/sync-folder.ts';

/** What landing asks of the file system; each rejects with an errno code. */
export interface LandingFs {
  isFolder(path: string): Promise<boolean>;
  names(path: string): Promise<string[]>;
  mkdir(path: string): Promise<unknown>;
  rmdir(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
}

export const landingFs: LandingFs = {
  isFolder: async (path) => (await lstat(path)).isDirectory(),
  names: (path) => readdir(path),
  mkdir: (path) => mkdir(path),
  rmdir,
  rename,
  syncFolder,
};

/** Waits in ms before an answer that may pass is asked for again; together about as long as attributes are cached. */
const patience = [100, 400, 1000, 2000];

export class Landing {
  readonly #fs: LandingFs;
  readonly #pauses: readonly number[];

  constructor(fs: LandingFs = landingFs, pauses: readonly number[] = patience) {
    this.#fs = fs;
    this.#pauses = pauses;
  }

  /** Makes a folder, which may be there, below one that may have been made on another host a moment ago. */
  makeFolder(path: string): Promise<void> {
    return this.#patiently(['ENOENT', 'ESTALE'], async () => {
      await this.#fs.mkdir(path).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
    });
  }

  /** The names in a folder that is there, though it may show late. */
  names(path: string): Promise<string[]> {
    return this.#patiently(['ENOENT', 'ESTALE'], () => this.#fs.names(path));
  }

  /** What stands under a name: never through a link. */
  kindOf(path: string): Promise<'folder' | 'other' | null> {
    return this.#patiently(['ESTALE'], async () => {
      try {
        return (await this.#fs.isFolder(path)) ? 'folder' : 'other';
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return null;
        throw error;
      }
    });
  }

  /** Removes an empty folder; one that is gone is no error. */
  async removeEmpty(path: string): Promise<void> {
    await this.#fs.rmdir(path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }

  /**
   * Renames a folder. Whether it happened is told by `arrived`, which looks at the names, not by what rename reports; it
   * throws when the new name has become somebody else's, and then nothing is tried any more. Never copies.
   */
  async move(from: string, to: string, arrived: () => Promise<boolean>): Promise<void> {
    await this.#patiently(['ENOENT', 'ESTALE', 'EIO'], async () => {
      try {
        await this.#fs.rename(from, to);
      } catch (error) {
        if (codeOf(error) === 'EXDEV') throw bridgeError('STORAGE_NO_RENAME', { from, to }, { cause: error });
        if (!(await arrived())) throw error;
      }
    });
  }

  /** Makes the names in a folder durable where the file system lets us. */
  sync(folder: string): Promise<void> {
    return this.#patiently(['ESTALE'], () => this.#fs.syncFolder(folder));
  }

  async #patiently<T>(passing: readonly string[], work: () => Promise<T>): Promise<T> {
    for (let turn = 0; ; turn++)
      try {
        return await work();
      } catch (error) {
        const pause = this.#pauses[turn];
        if (pause === undefined || !passing.includes(codeOf(error))) throw error;
        await sleep(pause);
      }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
