import { readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describeExit } from '../agent/exit-code.ts';
import type { Finding } from '../agent/self-check.ts';
import { made, type Check, type CheckSite } from './check.ts';
import { forgetFilesets, importInto, importLog, writeTinyImage } from './tiny-image.ts';

export const checkImport: Check = {
  id: 'import',
  title: 'Import in place',
  needs: ['import-program', 'repository', 'storage', 'dataset'],
  async run(site) {
    const session = made(site, 'session');
    // Names of results are not always plain.
    const path = await writeTinyImage(site, 'import', 'a µ (1).ome.tif');
    forgetFilesets(site, [path]);
    const log = importLog(site);
    site.cleanup.add(`the log ${log}`, async () => {
      if (!site.made.keepLog) await rm(log, { force: true });
    });
    const outcome = await importInto(site, session, [path]);
    site.signal.throwIfAborted();
    const [found] = (await session.filesetsByClientPath([path])).filter((f) => f.imageIds.length > 0);
    const [imageId] = found?.imageIds ?? [];
    if (!found || imageId === undefined) {
      site.made.keepLog = true;
      const told = outcome.errors[0]?.reason ?? outcome.stderrTail.trim().split('\n').at(-1) ?? '';
      const ended = outcome.killed ?? describeExit(outcome.exitCode);
      return {
        outcome: 'failed',
        detail: `No image in OMERO. The importer ended with ${ended}. Its last words: ${told || 'none'}`,
        remedy: `Read its log, ${importLog(site)}; OMERO must reach ${path} at the same path and be able to read it.`,
      };
    }
    if (!found.datasetIds.includes(made(site, 'datasetId')))
      return {
        outcome: 'failed',
        detail: 'The image is not in the dataset.',
        remedy: 'Report this with the version of OMERO.',
      };
    site.made.imported = { path, filesetId: found.filesetId, imageId };
    return (
      (await linkFinding(site, path, imageId)) ?? {
        outcome: 'passed',
        detail: `Image ${imageId}; OMERO keeps a link to the file, no copy.`,
      }
    );
  },
};

/** What is wrong with the entry in the managed repository; null when it is a link to the file. */
async function linkFinding(site: CheckSite, path: string, imageId: number): Promise<Finding | null> {
  const [stored] = await made(site, 'session').storedFilesOf([imageId]);
  if (!stored) return { outcome: 'failed', detail: 'OMERO does not tell where the file is.', remedy: 'Report this.' };
  const entry = join(made(site, 'managedRepository'), stored.path, stored.name);
  const target = await readlink(entry).catch((error: NodeJS.ErrnoException) => error);
  if (target === path) return null;
  const found = target instanceof Error ? `is no link (${target.message})` : `leads to ${target}`;
  return {
    outcome: 'failed',
    detail: `Image ${imageId} was imported, but ${entry} ${found}.`,
    remedy:
      "Look whether the repository is really the server's own, and whether the import program obeys --transfer ln_s.",
  };
}
