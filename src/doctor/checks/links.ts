import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { recentImports, type RecentImport } from '../../orders/file-results.ts';
import type { DoctorCheck, DoctorSite } from '../check.ts';

const most = 200;

export const links: DoctorCheck = {
  id: 'links',
  title: 'files of imported images',
  tests: `Looks whether the files of the ${most} images that were imported last are still where OMERO's links lead, and whether the links do.`,
  roles: ['worker', 'importer'],
  needs: ['orders-database', 'storage'],
  run: async (site) => {
    if (!site.orders) return { outcome: 'skipped', found: 'no database of upload orders is configured' };
    const imports = await recentImports(site.orders, most);
    if (!imports.length) return { outcome: 'skipped', found: 'nothing was imported by an importer of ours yet' };
    const missing: RecentImport[] = [];
    for (const one of imports) if (!(await isThere(one.path))) missing.push(one);
    // Somebody may have deleted an image in OMERO and its file after that.
    const { gone, dangling } = await inOmero(site, imports, missing);
    const bad = missing.filter((one) => !gone.has(one.filesetId));
    if (!bad.length && !dangling.length)
      return { outcome: 'ok', found: `${imports.length - gone.size} files of the last imports are where they were` };
    const names = [...bad.map((one) => one.path), ...dangling];
    return {
      outcome: 'problem',
      found: `${names.length} of ${imports.length} files that images in OMERO need are gone: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`,
      remedy:
        'Put moved files back where they were, or mount the storage at its old path: OMERO holds links to them, no copies. `biomero-bridge archive verify` names what else is missing.',
      who: 'admin',
    };
  },
};

/** Filesets that OMERO has no more, and links of the managed repository, where it is on this machine, that lead nowhere. */
async function inOmero(
  { config, omero, roles }: DoctorSite,
  imports: readonly RecentImport[],
  missing: readonly RecentImport[],
): Promise<{ gone: ReadonlySet<number>; dangling: string[] }> {
  const nothing = { gone: new Set<number>(), dangling: [] };
  if (!config.omero.host) return nothing;
  const session = await omero.admin().catch(() => null);
  if (!session) return nothing;
  const asked = [...new Set(missing.map((one) => one.filesetId))];
  const there = new Set((asked.length ? await session.filesetContents(asked) : []).map((f) => f.filesetId));
  const gone = new Set(asked.filter((id) => !there.has(id)));
  if (!roles.includes('importer')) return { gone, dangling: [] };
  const root = await session.managedRepositoryPath();
  if (!(await isThere(root))) return { gone, dangling: [] };
  const known = new Set(missing.map((one) => one.path));
  const images = imports.filter((one) => !known.has(one.path)).flatMap((one) => one.imageIds.slice(0, 1));
  const dangling: string[] = [];
  for (const { path, name } of images.length ? await session.storedFilesOf(images) : []) {
    const entry = join(root, path, name);
    if (!(await isThere(entry))) dangling.push(entry);
  }
  return { gone, dangling };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    // What may not be looked at is there, as far as one can tell.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR' && error.code !== 'ELOOP',
  );
}
