/**
 * The images that a run's results were made from, as files, so that labels can be shown over them: found in OMERO as the
 * run's owner in the run's group, and read where OMERO's files or the storage can be seen from here.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, sep } from 'node:path';
import type { OmeroAccess } from '../omero/access.ts';
import { imageNameOf, imageStem } from '../previews/image-names.ts';
import { describeError } from '../domain/errors.ts';
import { inputFiles } from '../worker/inputs.ts';
import type { Run } from './run.ts';

export interface SourceImage {
  /** A folder that holds the file, itself reached through no link. */
  root: string;
  path: string;
  /** Tells the content from any other. */
  identity: string;
}

const keptRuns = 100;
const keptMs = 10 * 60_000;

/** Files of input images by the stem of their name, with the folder of OMERO's files. */
type Inputs = ReadonlyMap<string, string>;

export class SourceImages {
  readonly #omero: Pick<OmeroAccess, 'as'>;
  readonly #storage: string;
  readonly #byRun = new Map<string, { at: number; inputs: Promise<Inputs> }>();

  /** @param storage the shared storage, where images that were imported in place lie */
  constructor(omero: Pick<OmeroAccess, 'as'>, storage: string) {
    this.#omero = omero;
    this.#storage = storage;
  }

  /** The image that a result is named after, or why there is none to look at. */
  async find(run: Run, result: string): Promise<SourceImage | { reason: string }> {
    const name = imageNameOf(basename(result));
    if (name === null) return { reason: 'its name does not tell which image it was made from' };
    try {
      const file = (await this.#inputs(run)).get(name);
      if (file === undefined) return { reason: `no input image is called ${name}` };
      return await this.#readable(file);
    } catch (error) {
      return { reason: describeError(error) };
    }
  }

  #inputs(run: Run): Promise<Inputs> {
    const kept = this.#byRun.get(run.id);
    if (kept && Date.now() - kept.at < keptMs) return kept.inputs;
    const inputs = inputFiles({ omero: this.#omero }, run).then((files) => stemsOf(files.map((f) => f.source)));
    this.#byRun.set(run.id, { at: Date.now(), inputs });
    // An OMERO that was away is asked again.
    inputs.catch(() => this.#byRun.delete(run.id));
    const [oldest] = this.#byRun.keys();
    if (this.#byRun.size > keptRuns && oldest !== undefined) this.#byRun.delete(oldest);
    return inputs;
  }

  async #readable(file: string): Promise<SourceImage | { reason: string }> {
    const path = await realpath(file);
    const { size, mtimeMs, ino } = await stat(path);
    const roots = await Promise.all([this.#storage, managedFolderOf(file)].map((r) => realpath(r).catch(() => null)));
    const root = roots.find((r): r is string => r !== null && path.startsWith(r + sep));
    if (root === undefined) return { reason: 'its file lies outside of what this server may read' };
    return { root, path: path.slice(root.length + 1), identity: `${path} ${size} ${mtimeMs} ${ino}` };
  }
}

/** Two images of one name cannot be told apart by it, so neither stands for it. */
function stemsOf(files: readonly string[]): Inputs {
  const stems = new Map<string, string>();
  const twice = new Set<string>();
  for (const file of files) {
    const stem = imageStem(basename(file));
    if (stems.has(stem)) twice.add(stem);
    stems.set(stem, file);
  }
  for (const stem of twice) stems.delete(stem);
  return stems;
}

/** The folder of the import that a file of OMERO's came with. */
function managedFolderOf(file: string): string {
  return file.slice(0, file.lastIndexOf(sep));
}
