import { basename } from 'node:path';
import { printable } from '../domain/errors.ts';
import type { FileResult } from '../orders/file-results.ts';
import type { FoundFiles } from './found-files.ts';

const reasonsShown = 3;

/**
 * Results per file: what OMERO has decides, and the import process is believed only for the reasons of what is missing.
 *
 * @param before files that were there before this order imported anything
 */
export function mergeFound(
  paths: readonly string[],
  found: FoundFiles,
  errors: readonly { file: string; reason: string }[],
  before: ReadonlySet<string>,
): FileResult[] {
  const reasons = new Map(errors.map((e) => [e.file, e.reason]));
  return paths.map((path) => {
    const fileset = found.there.get(path);
    if (fileset) {
      const { filesetId, imageIds, plateIds } = fileset;
      return {
        path,
        state: before.has(path) ? 'already-there' : 'imported',
        filesetId,
        imageIds,
        plateIds,
        error: null,
      };
    }
    const reason = found.misplaced.get(path) ?? reasons.get(path);
    return failedFile(
      path,
      reason ?? 'the importer gave no reason, and OMERO has no image of it; see the log of the import',
    );
  });
}

export function failedFile(path: string, error: string): FileResult {
  return { path, state: 'failed', filesetId: null, imageIds: [], plateIds: [], error };
}

/** `description` of an order that lacks something: how many of how many, the first reasons, and why an image is not annotated. */
export function describeResults(results: readonly FileResult[], notAnnotated: string | null = null): string {
  const failed = results.filter((r) => r.state === 'failed');
  const reasons = failed.slice(0, reasonsShown).map((r) => `${basename(r.path)}: ${r.error ?? 'no reason given'}`);
  const more = failed.length > reasonsShown ? `; and ${failed.length - reasonsShown} more` : '';
  const said = [
    `${results.length - failed.length} of ${results.length} files imported.`,
    ...(failed.length > 0 ? [`${reasons.join('; ')}${more}`] : []),
    ...(notAnnotated === null ? [] : [`Not all images are annotated: ${notAnnotated.slice(0, 1_000)}`]),
  ];
  return printable(said.join(' '));
}
