import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeOmeTiff } from '../../lib/ome-tiff.ts';
import { runImport, type ImportOutcome, type ImportRun } from '../agent/run-import.ts';
import type { OmeroSession } from '../session.ts';
import { livingSession, made, type CheckSite } from './check.ts';

/** Writes an image of 16 x 16 pixels into the group's storage, readable by OMERO; `name` has a folder of its own. */
export async function writeTinyImage(site: CheckSite, folder: string, name: string): Promise<string> {
  const inside = join(made(site, 'folder'), folder);
  await mkdir(inside, { recursive: true });
  await chmod(inside, 0o755);
  const path = join(inside, name);
  const pixels = Uint8Array.from({ length: 256 }, (_, i) => i);
  const image = { width: 16, height: 16, pixels, name: site.mark, channel: 'check', pixelSize: null };
  await writeFile(path, encodeOmeTiff(image), { mode: 0o644 });
  await chmod(path, 0o644);
  return path;
}

/** Imports into the check's dataset as an importer would; the log is in the folder of the check. */
export function importInto(
  site: CheckSite,
  session: OmeroSession,
  paths: string[],
  more: Partial<Pick<ImportRun, 'signal' | 'onProgress'>> = {},
): Promise<ImportOutcome> {
  const { importer, omero } = site.config;
  return runImport({
    command: importer.command,
    memory: importer.memory,
    omero,
    sessionKey: session.key,
    destination: { type: 'Dataset', id: made(site, 'datasetId') },
    paths,
    skip: importer.skip,
    parallelUpload: importer.parallelUpload,
    parallelFilesets: importer.parallelFilesets,
    logPath: importLog(site),
    runAs: importer.runAs,
    signal: site.signal,
    ...more,
  });
}

/** Path of the log of the imports; it goes at the end unless an import failed. */
export function importLog(site: CheckSite): string {
  return join(site.config.importer.logDir, `${site.mark}.log`);
}

/** Notes that the filesets of these paths, also those of imports that died, are to be deleted. */
export function forgetFilesets(site: CheckSite, paths: readonly string[]): void {
  site.cleanup.add('the imported images', async () => {
    const session = await livingSession(site);
    const found = await session.filesetsByClientPath(paths);
    await session.deleteObjects('Fileset', [...new Set(found.map((f) => f.filesetId))]);
  });
}
