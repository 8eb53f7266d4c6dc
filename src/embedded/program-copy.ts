import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageFile } from '../lib/package-root.ts';
import { mayPass } from './data-folder.ts';
import type { RunAs } from './run-as.ts';

/**
 * A copy of the program and its runtime dependencies below the data folder, for a user who cannot read the clone
 * (often in /root). Made once per build; copies of other builds are removed.
 *
 * @returns the argument list that starts it: node and the copied `main.js`
 */
export async function copyProgram(dataFolder: string, user: RunAs): Promise<string[]> {
  const build = (await readFile(packageFile('dist', '.built'), 'utf8')).trim().slice(0, 16);
  const parent = join(dataFolder, 'program');
  const target = join(parent, build);
  if (!existsSync(target)) {
    const building = `${target}.new`;
    await rm(building, { recursive: true, force: true });
    await mkdir(building, { recursive: true });
    for (const name of ['package.json', 'dist', 'migrations', 'src/omero/ice', 'workflows']) {
      if (existsSync(packageFile(name))) await cp(packageFile(name), join(building, name), { recursive: true });
    }
    for (const path of await runtimePackages()) {
      await cp(packageFile(path), join(building, path), { recursive: true, dereference: true });
    }
    await rename(building, target);
    for (const other of await readdir(parent))
      if (other !== build && other !== 'node') await rm(join(parent, other), { recursive: true, force: true });
  }
  return [await nodeFor(parent, user), join(target, 'dist', 'src', 'main.js')];
}

/** Folders of the packages that are installed and not only for development, from the lock file. */
async function runtimePackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile(packageFile('package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional && existsSync(packageFile(path)))
    .map(([path]) => path);
}

/** Our node when that user can reach it, else a copy. */
async function nodeFor(parent: string, user: RunAs): Promise<string> {
  const node = await realpath(process.execPath);
  for (let dir = dirname(node); ; dir = dirname(dir)) {
    if (!mayPass(dir, user)) break;
    if (dir === dirname(dir)) return node;
  }
  const copy = join(parent, 'node');
  await copyFile(node, `${copy}.new`);
  await chmod(`${copy}.new`, 0o755);
  await rename(`${copy}.new`, copy);
  return copy;
}
