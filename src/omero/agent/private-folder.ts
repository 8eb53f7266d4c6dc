import { chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logbackConfiguration } from './command.ts';
import type { Identity } from './import-child.ts';

const prefix = 'biomero-bridge-import-';
const argumentsFile = 'arguments';
/** Java reads its arguments at once: an older file was left by an importer that died just then. */
const oldKeyMs = 10 * 60_000;

/**
 * A folder of one import process's own, open to nobody else. OMERO's client would otherwise find, and leave, sessions in
 * the home folder, and take a stored session where a password is wrong.
 */
export class PrivateFolder {
  readonly path: string;
  readonly #owner: Identity | null;

  private constructor(path: string, owner: Identity | null) {
    this.path = path;
    this.#owner = owner;
  }

  /** `owner`: who it is for when we are root, else null. */
  static async make(owner: Identity | null): Promise<PrivateFolder> {
    await forgetOldKeys();
    const folder = new PrivateFolder(await mkdtemp(join(tmpdir(), prefix)), owner);
    try {
      for (const path of [folder.path, join(folder.path, 'sessions'), join(folder.path, 'tmp')]) {
        await mkdir(path, { recursive: true, mode: 0o700 });
        await folder.#give(path);
      }
      await folder.write('logback.xml', logbackConfiguration);
      return folder;
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  /** Writes the file of arguments, the session key among them. */
  writeArguments(text: string): Promise<string> {
    return this.write(argumentsFile, text);
  }

  /** Writes a file that only the owner can read, and returns its path. */
  async write(name: string, text: string): Promise<string> {
    const path = join(this.path, name);
    await writeFile(path, text, { mode: 0o600, flag: 'wx' });
    await this.#give(path);
    return path;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  async #give(path: string): Promise<void> {
    if (this.#owner) await chown(path, this.#owner.uid, this.#owner.gid);
  }
}

async function forgetOldKeys(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const file = join(tmpdir(), name, argumentsFile);
    // Another user's folder does not open, and is that user's to tidy.
    const found = await stat(file).catch(() => null);
    if (found && Date.now() - found.mtimeMs > oldKeyMs) await rm(file, { force: true }).catch(() => undefined);
  }
}
