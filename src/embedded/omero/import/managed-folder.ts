import { access, constants, cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { clientPathOf } from '../../../omero/client-path.ts';

export interface ManagedFile {
  /** Below the managed repository, with a slash at its end: `OriginalFile.path`. */
  readonly folder: string;
  readonly name: string;
}

/** The repository must be there, and be ours to write in: the import process itself makes the links. */
export async function checkRepository(repository: string): Promise<void> {
  try {
    await access(repository, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'error';
    const who = `uid ${process.getuid?.() ?? '?'}`;
    const hint = 'You likely do not have access to the ManagedRepository for in-place import';
    throw new Error(`${hint}: ${repository} (${code}, ${who})`, { cause });
  }
}

/**
 * Links or copies a file into a new folder of the managed repository: `<user>_<id>/<yyyy-mm>/<dd>/<hh-mm-ss.SSS>/<name>`. Two
 * processes at the same millisecond get two folders.
 */
export async function putIntoRepository(
  repository: string,
  user: { readonly name: string; readonly id: number },
  source: string,
  transfer: 'ln_s' | 'upload',
  now: Date,
): Promise<ManagedFile> {
  const name = clientPathOf(source).split('/').at(-1) ?? 'file';
  const owner = `${clientPathOf(user.name).replaceAll('/', '_')}_${user.id}`;
  for (let at = now.getTime(); ; at++) {
    const time = new Date(at);
    const day = `${owner}/${time.getFullYear()}-${two(time.getMonth() + 1)}/${two(time.getDate())}`;
    const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join('-');
    const folder = `${day}/${clock}.${String(time.getMilliseconds()).padStart(3, '0')}/`;
    await mkdir(join(repository, day), { recursive: true });
    try {
      await mkdir(join(repository, folder));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    const stored = join(repository, folder, name);
    if (transfer === 'ln_s') await symlink(source, stored);
    else await cp(source, stored, { recursive: true });
    return { folder, name };
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
