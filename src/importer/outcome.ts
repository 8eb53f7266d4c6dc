import { basename } from 'node:path';
import type { FileResult } from '../orders/file-results.ts';

export interface FoundFileset {
  filesetId: number;
  imageIds: number[];
  plateIds: number[];
}

const reasonsShown = 3;

/**
 * Results per file: what OMERO has decides, and the import process is believed only for the reasons of what is missing.
 */
export function mergeFound(
  paths: readonly string[],
  found: ReadonlyMap<string, FoundFileset>,
  errors: readonly { file: string; reason: string }[],
  wasThere: (path: string) => boolean,
): FileResult[] {
  return paths.map((path) => {
    const fileset = found.get(path);
    if (fileset) {
      const { filesetId, imageIds, plateIds } = fileset;
      return { path, state: wasThere(path) ? 'already-there' : 'imported', filesetId, imageIds, plateIds, error: null };
    }
    const reason = errors.find((e) => e.file === path)?.reason;
    return {
      path,
      state: 'failed',
      filesetId: null,
      imageIds: [],
      plateIds: [],
      error: reason ?? 'the importer gave no reason, and OMERO has no image of it; see the log of the import',
    };
  });
}

/** `description` of a failed order: how many of how many, and the first reasons. */
export function describeFailures(results: readonly FileResult[]): string {
  const failed = results.filter((r) => r.state === 'failed');
  const reasons = failed.slice(0, reasonsShown).map((r) => `${basename(r.path)}: ${r.error ?? 'no reason given'}`);
  const more = failed.length > reasonsShown ? `; and ${failed.length - reasonsShown} more` : '';
  return `${results.length - failed.length} of ${results.length} files imported. ${reasons.join('; ')}${more}`;
}
