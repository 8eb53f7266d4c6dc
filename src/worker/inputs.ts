import { realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, posix, relative, resolve } from 'node:path';
import { checkEntryName } from '../archive/entry-name.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import type { StoredFile } from '../omero/queries/filesets.ts';
import type { PackedFile } from '../lib/pack-tar.ts';
import type { Run } from '../runs/run.ts';
import type { WorkerContext } from './context.ts';

/** A stored file of an input image, and its path below the job's `data/in`. */
export interface InputFile {
  image: number;
  source: string;
  name: string;
}

/**
 * The stored files of every input image, each once. Asked in the user's name and group, so that a run reads what that
 * user may read.
 *
 * @throws INPUT_EMPTY, INPUT_FILE_MISSING
 */
export async function inputFiles(ctx: { omero: Pick<WorkerContext['omero'], 'as'> }, run: Run): Promise<InputFile[]> {
  if (!run.input) return [];
  const input = run.input;
  const { files, repository } = await ctx.omero.as(run.user.name, run.group.name, async (session) => {
    const all = await session.imagesIn(input.id);
    const images = run.inputImages ? all.filter((image) => run.inputImages?.includes(image.id)) : all;
    return {
      files: await session.storedFilesOf(images.map((i) => i.id)),
      repository: await session.managedRepositoryPath(),
    };
  });
  const named = nameInputs(files, repository);
  if (!named.length) throw bridgeError('INPUT_EMPTY', { id: input.id, name: input.name });
  return named;
}

/**
 * Gives every stored file a name of its own below `data/in`. An image of one file keeps that file's name; files of one
 * image keep their places to one another, as formats of several files (and OME-Zarr) need. Images whose names meet are
 * told apart by the image's id.
 *
 * @throws INPUT_FILE_MISSING for a path that leads out of the managed repository
 */
export function nameInputs(files: readonly StoredFile[], repository: string): InputFile[] {
  const seen = new Set<string>();
  const byImage = new Map<number, { source: string; path: string }[]>();
  for (const file of files) {
    const path = posix.join(file.path, file.name);
    const source = resolve(repository, path.replace(/^\/+/, ''));
    const inside = relative(repository, source);
    const refuse = (reason: string): Error => bridgeError('INPUT_FILE_MISSING', { image: file.imageId, path, reason });
    if (inside === '' || inside === '..' || inside.startsWith('../') || isAbsolute(inside))
      throw refuse('it lies outside of the managed repository');
    const refused = checkEntryName(inside).refused;
    if (refused !== undefined) throw refuse(refused);
    if (seen.has(source)) continue;
    seen.add(source);
    byImage.set(file.imageId, [...(byImage.get(file.imageId) ?? []), { source, path: inside }]);
  }
  const taken = new Set<string>();
  return [...byImage].flatMap(([image, group]) => {
    const base = commonFolder(group.map((file) => file.path));
    const names = group.map(({ path }) => relative(base, path));
    const roots = new Set(names.map(firstPart));
    const clash = [...roots].some((root) => taken.has(root));
    const named = names.map((name) => (clash ? `${image}_${name}` : name));
    for (const name of named) taken.add(firstPart(name));
    return group.map(({ source }, index) => ({ image, source, name: named[index] ?? basename(source) }));
  });
}

/** The files as they can be read now: links followed, sizes looked up. @throws INPUT_FILE_MISSING */
export async function readableInputs(inputs: readonly InputFile[]): Promise<PackedFile[]> {
  const found: PackedFile[] = [];
  for (const { image, source, name } of inputs) {
    try {
      const path = await realpath(source);
      const stats = await stat(path);
      if (!stats.isFile()) throw new Error('it is not a file');
      found.push({ name, path, bytes: stats.size });
    } catch (error) {
      throw bridgeError('INPUT_FILE_MISSING', { image, path: source, reason: describeError(error) }, { cause: error });
    }
  }
  return found;
}

function firstPart(name: string): string {
  return name.split('/')[0] ?? name;
}

/** The deepest folder that holds all of them; the folder above where that one is an OME-Zarr itself. */
function commonFolder(paths: readonly string[]): string {
  const [first = '', ...others] = paths;
  let folder = posix.dirname(first);
  while (folder !== '.' && !others.every((path) => path.startsWith(`${folder}/`))) folder = posix.dirname(folder);
  const zarr = folder.split('/').findIndex((part) => part.toLowerCase().endsWith('.zarr'));
  if (zarr < 0) return folder;
  return folder.split('/').slice(0, zarr).join('/') || '.';
}
