import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { pino } from 'pino';
import { ImporterSite } from '../../importer/testing/importer-site.ts';
import { OmeroAccess } from '../../omero/access.ts';
import type { DoctorSite } from '../check.ts';
import { doctorSite, lookWith } from '../testing/doctor-site.ts';
import { importInPlace } from './import-in-place.ts';
import { links } from './links.ts';
import { scripts } from './scripts.ts';
import { smoke } from './smoke.ts';

let world: ImporterSite;
let omero: OmeroAccess;
let site: DoctorSite;
beforeAll(async () => {
  world = await ImporterSite.open();
  omero = new OmeroAccess(world.config().omero, pino({ level: 'silent' }));
}, 180_000);
beforeEach(async () => {
  site = await doctorSite(world.database, {
    config: { ...world.config(), importerEnabled: true },
    omero,
    smoke: true,
    probe: true,
    actAs: { user: 'alice', group: 'annotate' },
  });
});
afterAll(async () => {
  await omero?.close();
  await world?.drop();
});

test('a trial order that nobody takes says so, and nothing of it is left', async () => {
  await rmdir(join(world.storage, 'annotate'));
  expect(await lookWith(smoke, { ...site, smokeMs: 300 })).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('"Import Pending"'),
    remedy: expect.stringContaining('No importer takes orders'),
  });
  expect(await readdir(world.storage)).toEqual([]);
  await mkdir(join(world.storage, 'annotate'), { mode: 0o755 });
  expect(
    await world.some(
      `select 1 from imports where stage = 'Import Pending' and not exists
         (select from imports t where t.uuid = imports.uuid and t.stage = $1)`,
      ['Import Failed'],
    ),
  ).toBe(false);
}, 180_000);

test('a trial order that is interrupted is removed all the same', async () => {
  const stop = new AbortController();
  const before = await world.database.pool.query('select from imports');
  const looking = lookWith(smoke, { ...site, signal: stop.signal });
  await world.until(
    async () => ((await world.database.pool.query('select from imports')).rowCount ?? 0) > (before.rowCount ?? 0),
  );
  stop.abort(new Error('Ctrl-C'));
  expect(await looking).toMatchObject({ outcome: 'skipped', found: expect.stringContaining('interrupted') });
  expect(await readdir(join(world.storage, 'annotate'))).toEqual([]);
  const { rows } = await world.database.pool.query<{ stage: string }>(
    'select stage from imports order by id desc limit 1',
  );
  expect(rows[0]?.stage).toBe('Import Failed');
}, 180_000);

test('a trial order is imported, annotated and removed', async () => {
  const { stop, begun } = world.importer();
  await begun();
  expect(await lookWith(smoke, site)).toMatchObject({
    outcome: 'ok',
    found: expect.stringContaining('imported and annotated for alice'),
  });
  stop();
  expect(await readdir(join(world.storage, 'annotate'))).toEqual([]);
  const { rows } = await world.database.pool.query<{ files: string }>(
    'select files from imports order by id desc limit 1',
  );
  const [path = ''] = JSON.parse(rows[0]?.files ?? '[]') as string[];
  const mark = basename(path, '.ome.tif');
  expect(mark).toMatch(/^biomero-bridge-smoke-/);
  expect(await world.alice.findDatasetsByName(mark)).toEqual([]);
  expect(await world.alice.filesetsByClientPath([path])).toEqual([]);
}, 120_000);

test('files of imported images: there, moved away, and deleted in OMERO too', async () => {
  const { stop, begun } = world.importer();
  await begun();
  const dataset = await world.dataset();
  const path = await world.image('kept.tif');
  const uuid = await world.order([path], dataset);
  await world.until(() => world.some(`select 1 from imports where uuid = $1 and stage = 'Import Completed'`, [uuid]));
  stop();
  expect((await lookWith(links, site)).outcome).toBe('ok');
  const [fileset] = await world.alice.filesetsByClientPath([path]);
  const [stored] = await world.alice.storedFilesOf(fileset?.imageIds ?? []);
  const entry = join(await world.alice.managedRepositoryPath(), stored?.path ?? '', stored?.name ?? '');
  await rename(entry, `${entry}.away`);
  expect(await lookWith(links, site)).toMatchObject({ outcome: 'problem', found: expect.stringContaining(entry) });
  await rename(`${entry}.away`, entry);
  await rm(path);
  expect(await lookWith(links, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining(path),
    who: 'admin',
  });
  const found = await world.alice.filesetsByClientPath([path]);
  await world.alice.deleteObjects(
    'Fileset',
    found.map((f) => f.filesetId),
  );
  expect((await lookWith(links, site)).outcome).toBe('ok');
}, 120_000);

test('an import in place proves the storage, and fails where the user has no right to it', async () => {
  const sound = await lookWith(importInPlace, site);
  // The stand-in's import program is a command that shows the session key, which is told.
  expect(sound, sound.found).toMatchObject({ outcome: 'warning', found: expect.stringContaining('session key') });
  const stranger = { ...site, actAs: { user: 'carol', group: 'annotate' } };
  expect(await lookWith(importInPlace, stranger)).toMatchObject({ outcome: 'problem', remedy: expect.any(String) });
}, 120_000);

test('scripts in OMERO: none, one of the two, both, and two copies', async () => {
  const dataset = await world.dataset();
  const file = await world.image('script.py', Buffer.from('print(1)'));
  const upload = (name: string, ns: string): Promise<unknown> =>
    world.alice.attachFile(
      { type: 'Dataset', id: dataset },
      { path: file, name, mimetype: 'text/x-python', ns, description: '' },
    );
  expect((await lookWith(scripts, site)).outcome).toBe('skipped');
  await upload('SLURM_Import_Results.py', 'a');
  expect(await lookWith(scripts, site)).toMatchObject({
    outcome: 'warning',
    found: expect.stringContaining('SLURM_Get_Results.py is not found'),
  });
  await upload('SLURM_Get_Results.py', 'a');
  expect((await lookWith(scripts, site)).outcome).toBe('ok');
  await upload('SLURM_Get_Results.py', 'b');
  expect((await lookWith(scripts, site)).found).toContain('2 copies of SLURM_Get_Results.py');
}, 180_000);
