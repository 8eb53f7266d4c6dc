import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { openPool } from '../lib/database.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import type { DoctorCheck, DoctorResult, DoctorSite } from './check.ts';
import { heard } from './checks/wake-ups.ts';
import { exitCodeOf, runDoctor, type DoctorOptions } from './run-doctor.ts';
import { doctorSite } from './testing/doctor-site.ts';

let database: TestDatabase;
let bare: TestDatabase;
let site: DoctorSite;

beforeAll(async () => {
  database = await createTestDatabase({ migrations: true });
  await ensureImports(database.pool);
  bare = await createTestDatabase();
});
beforeEach(async () => {
  site = await doctorSite(database);
});
afterAll(async () => {
  await database.drop();
  await bare.drop();
});

const look = async (
  more: Partial<DoctorSite> = {},
  options: DoctorOptions = {},
): Promise<Record<string, DoctorResult>> =>
  Object.fromEntries((await runDoctor({ ...site, ...more }, options)).map((r) => [r.id, r]));

test('a sound site has no problem but those that were made for the test', async () => {
  const all = await look();
  for (const id of ['configuration', 'runs-database', 'orders-database', 'wake-ups', 'clock'])
    expect(all[id], id).toMatchObject({ outcome: 'ok', remedy: null });
  expect(all['storage']).toMatchObject({ outcome: 'warning', who: 'admin' });
  expect(all['group-folders']?.outcome).toBe('skipped');
  expect(all['omero']).toMatchObject({ outcome: 'problem', code: 'DATABASE_ROLE_REFUSED' });
});

test('configuration: every wrong value is named', async () => {
  const problems = [{ place: 'environment', key: 'OMERO_PORT', found: '"x"', expected: 'a number' }];
  expect((await look({ problems }))['configuration']).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('OMERO_PORT'),
    who: 'admin',
  });
});

test('passwords: a published default is told, and not shown', async () => {
  const omero = { ...site.config.omero, password: 'omero' };
  const { passwords } = await look({ config: { ...site.config, omero } });
  expect(passwords).toMatchObject({ outcome: 'warning', found: expect.stringContaining('OMERO_PASSWORD') });
  const other = { ...site.config.omero, password: 'shwqk2' };
  const databases = { runs: 'postgresql://u:postgres@h/d', orders: 'postgresql://u:Xk2@h/d' };
  const told = await look({ config: { ...site.config, omero: other, databases } });
  expect(told['passwords']?.found).toMatch(/: SQLALCHEMY_URL$/);
});

test('databases: one that does not answer is a problem, and what needs it is skipped', async () => {
  const gone = openPool('postgresql://nobody:secret-word@127.0.0.1:1/none');
  const all = await look({ runs: gone, orders: gone });
  await gone.end();
  expect(all['runs-database']).toMatchObject({ outcome: 'problem', remedy: expect.stringContaining('SQLALCHEMY_URL') });
  expect(all['orders-database']?.outcome).toBe('problem');
  for (const id of ['wake-ups', 'clock', 'importers', 'same-storage'])
    expect(all[id], id).toMatchObject({ outcome: 'skipped', found: expect.stringContaining('because of') });
  expect(all['storage']).toMatchObject({ outcome: 'ok', found: expect.stringContaining('could not be asked') });
  expect(JSON.stringify(all)).not.toContain('secret-word');
});

test('databases: missing tables are told, made with --fix alone; those of a newer version are left', async () => {
  const empty = { runs: bare.pool, orders: bare.pool };
  for (const id of ['runs-database', 'orders-database'])
    expect((await look(empty))[id]).toMatchObject({ outcome: 'problem', fixed: null });
  const mended = await look(empty, { fix: true });
  for (const id of ['runs-database', 'orders-database'])
    expect(mended[id], id).toMatchObject({ outcome: 'ok', fixed: expect.stringContaining('schema bridge') });
  await bare.pool.query(`insert into bridge.migrations (part, file) values ('runs', '9999-later.sql')`);
  const newer = await look(empty, { fix: true });
  expect(newer['runs-database']).toMatchObject({ outcome: 'problem', found: expect.stringContaining('9999-later') });
});

test('notifications: what is sent in another database is not heard', async () => {
  expect(await heard(database.url, database.pool, 60_000)).toBe(true);
  expect(await heard(database.url, bare.pool, 500)).toBe(false);
});

test('where nothing is configured nothing is called sound', async () => {
  const omero = { ...site.config.omero, host: '', password: '' };
  const config = { ...site.config, omero, databases: { runs: '', orders: '' } };
  const all = await look({ config, runs: null, orders: null });
  for (const id of [
    'passwords',
    'runs-database',
    'orders-database',
    'wake-ups',
    'clock',
    'importers',
    'omero',
    'cluster',
  ])
    expect(all[id]?.outcome, id).toBe('skipped');
});

test('clocks: a machine that is ahead is told', async () => {
  expect((await look({ now: () => Date.now() + 41_000 }))['clock']).toMatchObject({
    outcome: 'problem',
    found: expect.stringMatching(/4[01]\.\d s ahead/),
    who: 'it',
  });
});

test('importers: none, one, and one that another kind stopped', async () => {
  expect((await look())['importers']).toMatchObject({ outcome: 'problem', found: expect.stringContaining('no order') });
  const beat = (detail: object): Promise<unknown> =>
    database.pool.query(
      `insert into bridge.heartbeats (name, role, host, pid, at, detail) values ('i', 'importer', 'lab', 1, clock_timestamp(), $1)
       on conflict (name) do update set detail = excluded.detail, at = excluded.at`,
      [detail],
    );
  await beat({ active: 0, maxWorkers: 4 });
  expect((await look())['importers']).toMatchObject({ outcome: 'ok', found: expect.stringContaining('lab') });
  await beat({ stopped: 'another importer wrote' });
  expect((await look())['importers']).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('another kind'),
  });
});

test('storage: a folder that is not there', async () => {
  const away = { ...site.config.storage, baseDir: `${site.config.storage.baseDir}-away` };
  expect((await look({ config: { ...site.config, storage: away } }))['storage']).toMatchObject({
    outcome: 'problem',
    who: 'it',
  });
});

test('folders of groups: one that is a file', async () => {
  const baseDir = await temporaryFolder('doctor-groups');

  const mapping = `${baseDir}/mappings.json`;
  await writeFile(`${baseDir}/plain`, 'x');
  await writeFile(mapping, JSON.stringify({ 7: { groupName: 'lab', folder: 'plain' } }));
  const storage = { baseDir, mappingFiles: [mapping] };
  expect((await look({ config: { ...site.config, storage } }))['group-folders']).toMatchObject({
    outcome: 'problem',
    found: expect.stringMatching(/uid:gid .*lab/),
    remedy: expect.any(String),
  });
});

test('a check that hangs or breaks is unknown, and stops no other', async () => {
  const base: DoctorCheck = {
    id: 'hangs',
    title: 'hangs',
    tests: '',
    roles: ['web'],
    needs: [],
    run: () => new Promise(() => {}),
  };
  const breaks = { ...base, id: 'breaks', run: () => Promise.reject(new TypeError('odd')) };
  const works: DoctorCheck = { ...base, id: 'works', run: () => Promise.resolve({ outcome: 'ok', found: '' }) };
  const elsewhere = { ...works, id: 'elsewhere', roles: ['worker'] as const };
  const web = { ...site, roles: ['web'] as const };
  const results = await runDoctor(web, { checks: [base, breaks, works, elsewhere], limitMs: 50 });
  expect(results.map((r) => `${r.id} ${r.outcome}`)).toEqual(['hangs unknown', 'breaks unknown', 'works ok']);
  expect(exitCodeOf(results)).toBe(2);
  expect(exitCodeOf(results.slice(2))).toBe(0);
});

test('what is not tried because of a problem stands in the way of others, what does not apply stands in none', async () => {
  const check = (id: string, needs: string[], outcome: DoctorResult['outcome']): DoctorCheck => ({
    id,
    title: id.toUpperCase(),
    tests: '',
    roles: ['web'],
    needs,
    run: () => Promise.resolve({ outcome, found: id }),
  });
  const checks = [
    check('a', [], 'problem'),
    check('b', ['a'], 'ok'),
    check('c', ['b'], 'ok'),
    check('d', [], 'skipped'),
    check('e', ['d'], 'ok'),
  ];
  const results = await runDoctor({ ...site, roles: ['web'] }, { checks });
  expect(results.map((r) => `${r.outcome}: ${r.found}`)).toEqual([
    'problem: a',
    'skipped: because of "A"',
    'skipped: because of "A"',
    'skipped: d',
    'ok: e',
  ]);
});
