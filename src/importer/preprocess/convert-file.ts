import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { describeError } from '../../domain/errors.ts';
import type { ContainerConfig } from '../../config/config.ts';
import type { ProcessIdentity } from '../../lib/process-identity.ts';
import { refusalOfMount } from './container-command.ts';
import { below, parseOutput, type MadeFile } from './container-output.ts';
import type { Conversion, ConvertedFile } from './conversions.ts';
import { containerArguments, processedFolder, type Preprocessing } from './preprocessing.ts';
import { lastWords, runContainer } from './run-container.ts';

export interface Converting {
  readonly order: string;
  readonly work: Preprocessing;
  readonly settings: ContainerConfig;
  readonly logDir: string;
  readonly signal: AbortSignal;
  readonly onStart: (process: ProcessIdentity) => void;
}

/**
 * Has a container convert one file. The container sees the file's folder for reading alone; what it makes goes into a new
 * folder below `.processed` there, which stays when all went well and is removed when not.
 *
 * @param index place of the file in its order, from 1
 * @returns the conversion, or why there is none, as a sentence about this file
 * @throws the signal's reason, CONTAINER_NOT_STARTED, CONTAINER_RUNTIME_MISSING
 */
export async function convertFile(o: Converting, path: string, index: number): Promise<Conversion | string> {
  const { settings, work } = o;
  const source = await realpath(dirname(path));
  const refused = refusalOfMount(settings, source);
  if (refused !== null) return refused;
  let folder: string;
  try {
    folder = await newFolder(source, o.order, index);
  } catch (error) {
    return `no folder for its conversion can be made beside it: ${describeError(error)}`;
  }
  const second = settings.scratch === null ? `${folder}.second` : join(settings.scratch, o.order, basename(folder));
  let kept = false;
  try {
    await mkdir(second, { recursive: true });
    const end = await runContainer(
      settings,
      {
        name: `biomero-bridge-${o.order}-${index}`,
        image: work.image,
        mounts: [
          { from: source, to: work.outputFolder, writable: false },
          { from: folder, to: processedFolder(work), writable: true },
          { from: second, to: work.altOutputFolder, writable: true },
        ],
        args: containerArguments(work, basename(path)),
      },
      { logPath: join(o.logDir, `preprocess-${o.order}-${index}.log`), signal: o.signal, onStart: o.onStart },
    );
    if (end.late) return `its conversion took longer than ${settings.seconds} s and was ended`;
    if (end.exitCode !== 0) {
      const how =
        end.killed ?? (end.exitCode === 137 ? 'SIGKILL, perhaps for lack of memory' : `exit code ${end.exitCode}`);
      return `its conversion ended with ${how}: ${lastWords(end.tail)}`;
    }
    const made = parseOutput(end.output);
    if (typeof made === 'string') return `its conversion cannot be used: ${made} (${lastWords(end.tail)})`;
    const outputs = await keep(made, { work, folder, second });
    if (typeof outputs === 'string') return `its conversion cannot be used: ${outputs}`;
    await likeSource(folder, path);
    kept = true;
    return { path, folder, outputs };
  } finally {
    await removeFolder(second);
    if (!kept) await removeFolder(folder);
  }
}

/** Removes what conversions of an order left that were broken off, of all but these folders. */
export async function removeLeftovers(
  order: string,
  paths: readonly string[],
  kept: ReadonlySet<string>,
): Promise<void> {
  for (const source of new Set(paths.map((path) => dirname(path)))) {
    const folder = join(await realpath(source).catch(() => source), '.processed', order);
    if (!(await isOwnFolder(folder))) continue;
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (!kept.has(path)) await rm(path, { recursive: true, force: true });
    }
    if ((await readdir(folder)).length === 0) await rm(folder, { recursive: true, force: true });
  }
}

/** A new folder; a link that somebody put in its way is not followed. */
async function newFolder(source: string, order: string, index: number): Promise<string> {
  const parent = join(source, '.processed', order);
  for (const path of [dirname(parent), parent]) {
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (!(await lstat(path)).isDirectory()) throw new Error(`${path} is no folder`);
  }
  const folder = join(parent, `${index}-${randomBytes(4).toString('hex')}`);
  await mkdir(folder);
  return folder;
}

async function isOwnFolder(folder: string): Promise<boolean> {
  const is = async (path: string): Promise<boolean> =>
    lstat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
  return (await is(dirname(folder))) && (await is(folder));
}

async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  // The order's own folder goes with its last one; it is not empty while there is another.
  const parent = dirname(folder);
  if ((await readdir(parent).catch(() => ['?'])).length === 0) await rm(parent, { recursive: true, force: true });
}

/** Finds on disk what the container says that it made; of a file that stands only as a second copy that one is kept. */
async function keep(
  made: readonly MadeFile[],
  { work, folder, second }: { work: Preprocessing; folder: string; second: string },
): Promise<ConvertedFile[] | string> {
  const outputs: ConvertedFile[] = [];
  const paths = new Set<string>();
  for (const { name, fullPath, altPath, keyvalues } of made) {
    const full = fullPath === null ? null : below(processedFolder(work), fullPath);
    const alt = altPath === null ? null : below(work.altOutputFolder, altPath);
    const relative = full ?? alt;
    if (relative === null) return `it names ${fullPath ?? altPath ?? 'a file'}, which is in none of its output folders`;
    const path = join(folder, relative);
    if (full === null) {
      if (!(await isInside(second, join(second, relative)))) return `${relative}, which it says it made, is not there`;
      await mkdir(dirname(path), { recursive: true });
      await move(join(second, relative), path);
    }
    if (!(await isInside(folder, path)))
      return `${relative}, which it says it made, is not there, or is a link elsewhere`;
    if (paths.has(path)) return `it names ${relative} twice`;
    paths.add(path);
    outputs.push({ path, name, keyvalues });
  }
  return outputs;
}

/** A container may leave links that lead anywhere. */
async function isInside(folder: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => null);
  return real !== null && real.startsWith((await realpath(folder)) + sep);
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** Whoever may read the source may read what was made of it: the import process and OMERO's server must. */
async function likeSource(folder: string, source: string): Promise<void> {
  const readable = (await stat(source)).mode & 0o444;
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = [
    dirname(folder),
    folder,
    ...files.filter((f) => f.isDirectory()).map((f) => join(f.parentPath, f.name)),
  ];
  for (const path of folders) await add(path, readable | (readable >> 2));
  for (const file of files) if (file.isFile()) await add(join(file.parentPath, file.name), readable);
}

/** Files of another user's stay as they are: the import tells when it cannot read them. */
async function add(path: string, mode: number): Promise<void> {
  const before = (await lstat(path)).mode & 0o7777;
  if ((before | mode) === before) return;
  await chmod(path, before | mode).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM') throw error;
  });
}
