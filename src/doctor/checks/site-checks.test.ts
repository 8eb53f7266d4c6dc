import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { importUser } from '../../embedded/omero/testing.ts';
import { ensureImports } from '../../orders/ensure-imports.ts';
import type { DoctorSite } from '../check.ts';
import { doctorSite, lookWith } from '../testing/doctor-site.ts';
import { importProgram } from './import-program.ts';
import { importers } from './importers.ts';
import { mappings } from './mappings.ts';
import { omeroSignIn } from './omero-sign-in.ts';
import { repository } from './repository.ts';
import { tracking } from './tracking.ts';
import { versions } from './versions.ts';

let database: TestDatabase;
let site: DoctorSite;
beforeEach(async () => {
  database = await createTestDatabase({ migrations: true });
  await ensureImports(database.pool);
  site = await doctorSite(database);
});
afterEach(() => database.drop());

const row = (stage: string, ago = '0 min'): Promise<unknown> =>
  database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files, file_names, "timestamp")
     values ('g', 'u', '1', 'Dataset', $1, gen_random_uuid()::text, '[]', '[]', now() - $2::interval)`,
    [stage, ago],
  );
const omeroWith = (session: object): Pick<DoctorSite, 'omero'> => ({
  omero: { ...site.omero, admin: () => Promise.resolve(session as never) },
});

test('importers: a Python importer that works is no problem, one that fell silent is', async () => {
  await row('Import Started', '3 min');
  expect(await lookWith(importers, site)).toMatchObject({
    outcome: 'ok',
    found: expect.stringContaining('Python importer'),
  });
  await row('Import Pending', '2 min');
  expect((await lookWith(importers, site)).outcome).toBe('ok');
  await row('Import Pending', '20 min');
  expect(await lookWith(importers, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('20 min'),
  });
});

test('importers: stages that importers of ours wrote are no sign of a Python importer', async () => {
  await row('Import Completed', '3 min');
  await database.pool.query(
    'insert into bridge.order_stages (row_id, order_uuid, stage) select id, uuid, stage from imports',
  );
  expect(await lookWith(importers, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('no importer'),
  });
});

test('importers: where only the worker is looked at, none that shows itself is a warning until an order waits', async () => {
  const worker = { ...site, roles: ['worker'] as const };
  expect((await lookWith(importers, worker)).outcome).toBe('warning');
  await row('Import Pending', '20 min');
  expect((await lookWith(importers, worker)).outcome).toBe('problem');
  const off = { ...worker, config: { ...site.config, importerEnabled: false } };
  expect((await lookWith(importers, off)).outcome).toBe('skipped');
});

test('versions: an old Node.js, and tables of a newer Python importer', async () => {
  expect(await lookWith(versions, site)).toMatchObject({ outcome: 'ok', found: expect.stringContaining('PostgreSQL') });
  expect(await lookWith(versions, { ...site, nodeVersion: '20.18.1' })).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('20.18.1 is older than 20.19'),
  });
  await database.pool.query(`update alembic_version_omeroadi set version_num = 'ffff'`);
  expect(await lookWith(versions, site)).toMatchObject({ outcome: 'problem', found: expect.stringContaining('ffff') });
});

test('tracking: switched off, and without its tables', async () => {
  const off = { ...site.config, tracking: { ...site.config.tracking, enabled: false } };
  expect(await lookWith(tracking, { ...site, config: off })).toMatchObject({ outcome: 'warning', who: 'admin' });
  expect(await lookWith(tracking, site)).toMatchObject({
    outcome: 'warning',
    found: expect.stringContaining('workflowtracker_events'),
  });
});

test('mappings: a folder that is not there, a group that was renamed', async () => {
  const { baseDir } = site.config.storage;
  const file = join(baseDir, 'mappings.json');
  await writeFile(file, JSON.stringify({ 7: { groupName: 'lab', folder: 'lab-data' } }));
  const mapped = { ...site, config: { ...site.config, storage: { baseDir, mappingFiles: [file] } } };
  expect(await lookWith(mappings, mapped)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('lab-data'),
  });
  await mkdir(join(baseDir, 'lab-data'));
  expect(await lookWith(mappings, mapped)).toMatchObject({
    outcome: 'ok',
    found: expect.stringContaining('could not be asked'),
  });
  const renamed = omeroWith({ allGroups: () => Promise.resolve([{ id: 7, name: 'imaging' }]) });
  expect(await lookWith(mappings, { ...mapped, ...renamed })).toMatchObject({
    outcome: 'warning',
    found: expect.stringContaining('imaging'),
  });
});

test('import program: one that is not there', async () => {
  const config = {
    ...site.config,
    importer: { ...site.config.importer, command: ['/nowhere/java'], runAs: importUser },
  };
  expect(await lookWith(importProgram, { ...site, config })).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('/nowhere/java'),
    who: 'admin',
  });
});

test('sign-in to OMERO: an old server, an account that may not act for others', async () => {
  const session = (version: string, context: object): Pick<DoctorSite, 'omero'> =>
    omeroWith({
      version: () => Promise.resolve(version),
      context: { userName: 'bridge', leaderOfGroups: [], ...context },
    });
  expect((await lookWith(omeroSignIn, { ...site, ...session('5.6.9', { isAdmin: true }) })).outcome).toBe('ok');
  expect((await lookWith(omeroSignIn, { ...site, ...session('5.3.1', { isAdmin: true }) })).outcome).toBe('problem');
  expect(await lookWith(omeroSignIn, { ...site, ...session('5.6.9', { isAdmin: false }) })).toMatchObject({
    outcome: 'problem',
    remedy: expect.stringContaining('Sudo'),
  });
});

test('managed repository: OMERO names a path that is not on this machine', async () => {
  const elsewhere = omeroWith({ managedRepositoryPath: () => Promise.resolve('/nowhere/ManagedRepository') });
  expect(await lookWith(repository, { ...site, ...elsewhere })).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('/nowhere/ManagedRepository'),
  });
});
