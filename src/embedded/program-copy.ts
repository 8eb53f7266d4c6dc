import { chmodSync, copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { chmod, copyFile, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { packageFile, packageRoot } from '../lib/package-root.ts';
import { makeFolder, mayPass } from './data-folder.ts';
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
    makeFolder(building);
    // As installed: packages that ours needs may lie beside it.
    const top = outermostFolder(packageRoot);
    for (const name of ['package.json', 'dist', 'migrations', 'src/omero/ice', 'workflows']) {
      const from = packageFile(name);
      const to = join(building, relative(top, from));
      makeFolder(dirname(to));
      if (existsSync(from)) copyRead(from, to);
    }
    for (const folder of await runtimePackages(packageRoot)) copyRead(folder, join(building, relative(top, folder)));
    await rename(building, target);
    for (const other of await readdir(parent))
      if (other !== build && other !== 'node') await rm(join(parent, other), { recursive: true, force: true });
  }
  const main = relative(outermostFolder(packageRoot), packageFile('dist', 'src', 'main.js'));
  return [await nodeFor(parent, user), join(target, main)];
}

/** Types and maps, which Node.js does not read: two of five files. */
const unread = /\.(?:map|[cm]?ts)$/;

/**
 * Copies a file, or a folder with what Node.js reads of it, readable for everybody, whatever umask it was installed with;
 * links are followed. The general `cp` of Node.js looks at every file five times, which makes 3 s of it.
 */
function copyRead(from: string, to: string): void {
  const found = statSync(from);
  if (!found.isDirectory()) {
    copyFileSync(from, to);
    chmodSync(to, found.mode & 0o111 ? 0o755 : 0o644);
    return;
  }
  makeFolder(to);
  for (const name of readdirSync(from)) if (!unread.test(name)) copyRead(join(from, name), join(to, name));
}

/** The folder whose `node_modules` holds a package, however deep; of a clone the clone itself. */
function outermostFolder(folder: string): string {
  const parts = folder.split(sep);
  const first = parts.indexOf('node_modules');
  return first === -1 ? folder : parts.slice(0, first).join(sep) || sep;
}

/** Folders of the packages that a package needs to run, and those that these need; optional ones where installed. */
async function runtimePackages(root: string): Promise<string[]> {
  const found = new Set<string>();
  const waiting = [root];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      await readFile(join(folder, 'package.json'), 'utf8'),
    ) as { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> };
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) {
      const needed = packageFrom(folder, name);
      // One that is missing is optional, or the program would not have come this far.
      if (needed === null || found.has(needed)) continue;
      found.add(needed);
      waiting.push(needed);
    }
  }
  // A package inside another one has come with that.
  return [...found].filter((folder) => ![...found].some((other) => folder.startsWith(other + sep)));
}

/** Where Node.js finds a package from a folder. */
function packageFrom(folder: string, name: string): string | null {
  for (let dir = folder; ; dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dir === dirname(dir)) return null;
  }
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
