import { resolve } from 'node:path';
import { describeError } from '../../../domain/errors.ts';
import type { ImportArguments } from './arguments.ts';
import { Catalogue } from './catalogue.ts';
import { decodeFirstPlanes, inspect, type ImageFile } from './images.ts';
import { ImporterOutput } from './importer-output.ts';
import { checkRepository, putIntoRepository } from './managed-folder.ts';
import { UnreadableImage } from './tiff-pages.ts';

/** Exit codes of the importer. */
const ok = 0;
const noImports = 1;
const failed = 2;
const badSessionKey = 11;

export interface Faults {
  /** Milliseconds to wait in every file between the start of its job and its images. */
  readonly pauseMs: number;
}

/**
 * Imports files one after another: puts each into the managed repository, registers it with a started job, decodes it,
 * stores its images and finishes the job. Resolves with the exit code of the Java importer in the same case.
 */
export async function runImport(args: ImportArguments, paths: readonly string[], faults: Faults): Promise<number> {
  const output = new ImporterOutput(args.output);
  let catalogue: Catalogue;
  try {
    catalogue = await Catalogue.join(args, args.key);
  } catch (error) {
    output.plain(`Bad session key or no connection: ${describeError(error)}`);
    return badSessionKey;
  }
  try {
    const repository = await catalogue.repository();
    await checkRepository(repository);
    if (args.target) await catalogue.checkTarget(args.target);
    return await new Importer(args, output, catalogue, repository, faults).run(paths);
  } catch (error) {
    output.log(
      'ERROR',
      'ome.formats.importer.cli.CommandLineImporter',
      `Error during import process.\n${describeError(error)}`,
    );
    return failed;
  } finally {
    await catalogue.leave();
  }
}

class Importer {
  readonly #args: ImportArguments;
  readonly #output: ImporterOutput;
  readonly #catalogue: Catalogue;
  readonly #repository: string;
  readonly #faults: Faults;
  readonly #counts = { files: 0, filesets: 0, images: 0, errors: 0 };

  constructor(args: ImportArguments, output: ImporterOutput, catalogue: Catalogue, repository: string, faults: Faults) {
    this.#args = args;
    this.#output = output;
    this.#catalogue = catalogue;
    this.#repository = repository;
    this.#faults = faults;
  }

  async run(paths: readonly string[]): Promise<number> {
    const candidates = await this.#candidates(paths);
    if (candidates.length === 0) {
      this.#output.plain(this.#counts.errors > 0 ? 'No imports due to errors!' : 'No imports found');
      return this.#counts.errors > 0 ? ok : noImports;
    }
    let code = this.#counts.errors > 0 && !this.#args.continueOnError ? failed : ok;
    for (const file of candidates) {
      if (await this.#import(file)) continue;
      if (this.#args.continueOnError) continue;
      code = failed;
      break;
    }
    this.#output.summary(this.#counts);
    return code;
  }

  /** Files that are images by their headers; the others are reported. */
  async #candidates(paths: readonly string[]): Promise<ImageFile[]> {
    const candidates: ImageFile[] = [];
    for (const path of paths) {
      try {
        candidates.push(await inspect(resolve(path)));
      } catch (error) {
        const unknown = error instanceof UnreadableImage && error.unknownFormat;
        this.#report(unknown ? 'UNKNOWN_FORMAT' : 'FILE_EXCEPTION', resolve(path), error);
      }
    }
    return candidates;
  }

  /** False when the file failed; throws when the session is lost, which ends everything. */
  async #import(file: ImageFile): Promise<boolean> {
    const { path } = file;
    try {
      const managed = await putIntoRepository(
        this.#repository,
        this.#catalogue.user,
        path,
        this.#args.transfer,
        new Date(),
      );
      this.#output.event('FILE_UPLOAD_STARTED:', path);
      const begun = await this.#catalogue.begin(file, managed);
      this.#counts.files++;
      this.#counts.filesets++;
      this.#output.event('FILE_UPLOAD_COMPLETE:', path);
      if (this.#faults.pauseMs > 0) await new Promise((done) => setTimeout(done, this.#faults.pauseMs));
      try {
        await decodeFirstPlanes(file);
      } catch (error) {
        await this.#catalogue.fail(begun, describeError(error));
        throw error;
      }
      const { imageIds, plateId } = await this.#catalogue.finish(file, begun, this.#args.target, this.#args.name);
      this.#counts.images += imageIds.length;
      const objects =
        plateId === null ? { type: 'Image' as const, ids: imageIds } : { type: 'Plate' as const, ids: [plateId] };
      this.#output.imported(path, begun.filesetId, objects);
      return true;
    } catch (error) {
      if (this.#catalogue.isLost) throw error;
      this.#report('INTERNAL_EXCEPTION', path, error);
      return false;
    }
  }

  #report(kind: 'FILE_EXCEPTION' | 'INTERNAL_EXCEPTION' | 'UNKNOWN_FORMAT', path: string, error: unknown): void {
    this.#counts.errors++;
    this.#output.failed(kind, path, describeError(error));
  }
}
