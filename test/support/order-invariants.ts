/** What must hold after any fault, read from the database, the storage and the tables of OMERO's stand-in. */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { manifestName, writeManifest } from '../../src/archive/manifest.ts';
import { verifyArchive } from '../../src/archive/verify.ts';
import type { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { clientPathOf } from '../../src/omero/client-path.ts';
import { fileResults } from '../../src/orders/file-results.ts';

/** An order that was placed, and so must come to its end. */
export interface PlacedOrder {
  uuid: string;
  dataset: number;
  archive: string;
  good: string[];
  /** Files that are no images. */
  bad: string[];
}

/** An archive as a worker leaves it: images below `data/out`, and the manifest of all that is in it. */
export async function makeArchive(
  site: ImporterSite,
  name: string,
  files: Record<string, Buffer | null>,
): Promise<string> {
  const folder = `.analyzed/${name}/20260101_000000`;
  const path = join(site.storage, 'annotate', folder);
  const lines: { path: string; sha256: string }[] = [];
  for (const [file, bytes] of Object.entries(files)) {
    const relative = `1_out/data/out/${file}`;
    const made = await site.image(`${folder}/${relative}`, ...(bytes ? [bytes] : []));
    lines.push({
      path: relative,
      sha256: createHash('sha256')
        .update(await readFile(made))
        .digest('hex'),
    });
  }
  await mkdir(path, { recursive: true });
  await writeFile(join(path, manifestName), writeManifest(lines));
  return path;
}

/** Everything in the storage but the importers' logs: what it is, its size, its place on the disk, when it was changed. */
export async function snapshotOf(site: ImporterSite): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const walk = async (folder: string): Promise<void> => {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (path === site.config().importer.logDir) continue;
      const about = await lstat(path);
      found.set(path, [about.mode, about.isDirectory() ? 0 : about.size, about.ino, about.mtimeMs].join(' '));
      if (about.isDirectory()) await walk(path);
    }
  };
  await walk(site.storage);
  return found;
}

/** Sentences about whatever does not hold; none when all is well. */
export async function brokenInvariants(
  site: ImporterSite,
  placed: readonly PlacedOrder[],
  before: ReadonlyMap<string, string>,
): Promise<string[]> {
  return [
    ...(await endsOnce(site, placed)),
    ...(await archivesWhole(placed)),
    ...(await importedOnce(site, placed)),
    ...(await nothingElseTouched(site, before)),
    ...(await reasonsTrue(site, placed)),
  ];
}

async function endsOnce(site: ImporterSite, placed: readonly PlacedOrder[]): Promise<string[]> {
  const { rows } = await site.database.pool.query<{ uuid: string; stage: string; n: number }>(
    'select uuid, stage, count(*)::int as n from imports group by uuid, stage',
  );
  const count = (uuid: string, ...stages: string[]): number =>
    rows.filter((r) => r.uuid === uuid && stages.includes(r.stage)).reduce((sum, r) => sum + r.n, 0);
  const broken: string[] = [];
  for (const { uuid, bad } of placed) {
    const ends = count(uuid, 'Import Completed', 'Import Failed');
    if (ends !== 1) broken.push(`order ${uuid} has ${ends} ends`);
    if (count(uuid, bad.length ? 'Import Failed' : 'Import Completed') !== 1)
      broken.push(`order ${uuid} has a wrong end`);
    if (count(uuid, 'Import Started') !== 1) broken.push(`order ${uuid} was not started once`);
  }
  const known = new Set(placed.map((o) => o.uuid));
  return [...broken, ...rows.filter((r) => !known.has(r.uuid)).map((r) => `nobody placed order ${r.uuid}`)];
}

/** No file under a final name is incomplete, and every manifest verifies. */
async function archivesWhole(placed: readonly PlacedOrder[]): Promise<string[]> {
  const broken: string[] = [];
  for (const archive of new Set(placed.map((o) => o.archive))) {
    const { ok, problems } = await verifyArchive(archive);
    if (!ok) broken.push(`archive ${archive} does not verify: ${problems.join('; ')}`);
  }
  return broken;
}

async function importedOnce(site: ImporterSite, placed: readonly PlacedOrder[]): Promise<string[]> {
  const broken: string[] = [];
  const good = placed.flatMap((o) => o.good);
  const wanted = new Set(good.map(clientPathOf));
  const { rows: images } = await site.omero.database.pool.query<{ id: number; name: string; datasets: number[] }>(
    'select id, name, dataset_ids as datasets from omero_standin.images',
  );
  if (images.length !== good.length) broken.push(`OMERO has ${images.length} images of ${good.length} files`);
  const filesets = (await site.alice.filesetsByClientPath(placed.flatMap((o) => [...o.good, ...o.bad]))).filter(
    (f) => f.imageIds.length > 0,
  );
  const paths = filesets.map((f) => f.clientPath);
  for (const path of wanted) if (!paths.includes(path)) broken.push(`OMERO has no image of ${path}`);
  for (const [i, path] of paths.entries()) {
    if (!wanted.has(path)) broken.push(`OMERO has an image of ${path}, which is none`);
    if (paths.indexOf(path) !== i) broken.push(`OMERO has ${path} twice`);
  }
  for (const dataset of new Set(placed.map((o) => o.dataset))) {
    const expected = placed.filter((o) => o.dataset === dataset).flatMap((o) => o.good.map((f) => basename(f)));
    const there = await site.alice.imagesIn(dataset);
    if (
      there
        .map((i) => i.name)
        .sort()
        .join() !== expected.sort().join()
    )
      broken.push(`dataset ${dataset} holds other images than were ordered`);
    const ids = there.map((i) => i.id);
    const annotated = (await site.alice.mapAnnotations('Image', ids, 'biomero.import')).map((a) => a.targetId);
    if (annotated.toSorted((a, b) => a - b).join() !== ids.toSorted((a, b) => a - b).join())
      broken.push(`images of dataset ${dataset} are not annotated once`);
  }
  return broken;
}

/** Links to the files of the group are all that was made, and they are in OMERO's own repository. */
async function nothingElseTouched(site: ImporterSite, before: ReadonlyMap<string, string>): Promise<string[]> {
  const after = await snapshotOf(site);
  const broken = [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .map((path) => `${path} was touched`);
  const { rows } = await site.omero.database.pool.query<{ id: number }>('select id from omero_standin.images');
  for (const stored of await site.alice.storedFilesOf(rows.map((r) => r.id))) {
    const target = await readlink(join(site.omero.managedRepository, stored.path, stored.name)).catch(() => 'no link');
    if (!target.startsWith(`${site.storage}/annotate/.analyzed/`)) broken.push(`an image was stored as ${target}`);
  }
  return broken;
}

/** What people are told: of each file what became of it, and of an order that failed how many files did, and which. */
async function reasonsTrue(site: ImporterSite, placed: readonly PlacedOrder[]): Promise<string[]> {
  const broken: string[] = [];
  const { rows } = await site.database.pool.query<{ uuid: string; description: string | null }>(
    `select uuid, description from imports where stage in ('Import Completed', 'Import Failed')`,
  );
  for (const { uuid, good, bad } of placed) {
    const said = rows.find((r) => r.uuid === uuid)?.description ?? null;
    const expected = `${good.length} of ${good.length + bad.length} files imported. ${basename(bad[0] ?? '')}: `;
    if (bad.length ? !said?.startsWith(expected) : said !== null) broken.push(`order ${uuid} says "${said}"`);
    for (const result of await fileResults(site.database.pool, uuid)) {
      const isThere = ['imported', 'already-there'].includes(result.state) && result.imageIds.length === 1;
      const isRefused = result.state === 'failed' && /not known to|could not be read/.test(result.error ?? '');
      if (bad.includes(result.path) ? !isRefused : !isThere || result.error !== null)
        broken.push(`of ${result.path} is said: ${result.state}, ${result.error}`);
    }
  }
  return broken;
}
