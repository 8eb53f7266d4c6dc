import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { asUnprivileged } from '../../test/support/unprivileged.ts';
import type { Role } from '../config/roles.ts';
import { migrate } from '../lib/migrate.ts';
import { listen } from '../lib/notify.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { adoptStorage } from '../storage/adopt.ts';
import type { DoctorSite } from './check.ts';
import { groupFolders } from './checks/group-folders.ts';
import { runningRoles } from './checks/running-roles.ts';
import { sameStorage } from './checks/same-storage.ts';
import { CallBell, keepAnswering, rollCallChannel, type Answerer } from './roll-call.ts';
import { doctorSite, lookWith } from './testing/doctor-site.ts';

let database: TestDatabase;
let site: DoctorSite;
beforeEach(async () => {
  database = await createTestDatabase({ migrations: true });
  await ensureImports(database.pool);
  site = await doctorSite(database, { answerMs: 30_000 });
});
afterEach(() => database.drop());

/** A running process of these roles, which may see the world differently. */
async function running(
  roles: Role[],
  change: Partial<Answerer['config']> = {},
  db = database,
  runs = db.pool,
): Promise<void> {
  const stop = new AbortController();
  const bell = new CallBell();
  await new Promise<void>((onConnect) =>
    listen(db.url, [rollCallChannel], () => bell.ring(), { signal: stop.signal, onConnect }),
  );
  const config = { ...site.config, ...change };
  const done = keepAnswering(
    { pool: db.pool, runs, config, roles, log: site.log, name: crypto.randomUUID() },
    bell,
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort();
    await done;
  });
}

test('roles that answer, and what is left of a call: nothing', async () => {
  await running(['worker', 'web']);
  await running(['importer']);
  expect(await lookWith(runningRoles, site)).toMatchObject({
    outcome: 'ok',
    found: expect.stringMatching(/importer on .*worker\+web on|worker\+web on .*importer on/),
  });
  expect((await database.pool.query('select from bridge.roll_calls')).rowCount).toBe(0);
});

test('an importer on another database does not answer in this one', async () => {
  const other = await createTestDatabase({ migrations: true });
  await running(['importer'], {}, other);
  await running(['worker', 'web']);
  // The other two are there at once; the third never comes.
  expect(await lookWith(runningRoles, { ...site, answerMs: 8_000 })).toMatchObject({
    outcome: 'warning',
    found: expect.stringContaining('no answer from: importer'),
    remedy: expect.stringContaining('INGEST_TRACKING_DB_URL'),
  });
  await other.drop();
}, 30_000);

test('IMPORTER_ENABLED and base_dir that differ', async () => {
  await running(['worker', 'importer', 'web'], { importerEnabled: false });
  expect(await lookWith(runningRoles, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringMatching(/IMPORTER_ENABLED is false for worker/),
  });
});

test('base_dir that differs', async () => {
  await running(['worker', 'importer', 'web'], { storage: { baseDir: '/mnt/data', mappingFiles: [] } });
  expect(await lookWith(runningRoles, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('/mnt/data'),
  });
});

test('the same storage is proved by its marker, or by a file that is written', async () => {
  await running(['worker', 'importer', 'web']);
  expect((await lookWith(sameStorage, site)).outcome).toBe('unknown');
  const probed = await lookWith(sameStorage, { ...site, probe: true });
  expect(probed).toMatchObject({ outcome: 'ok', found: expect.stringContaining('a file that was written here') });
  expect(await readdir(site.config.storage.baseDir)).toEqual([]);
  await chmod(site.config.storage.baseDir, 0o555);
  await asUnprivileged(async () => {
    expect(await lookWith(sameStorage, { ...site, probe: true })).toMatchObject({
      outcome: 'unknown',
      remedy: expect.stringContaining('no file could be written'),
    });
  });
  await chmod(site.config.storage.baseDir, 0o755);
  await adoptStorage(database.pool, site.config.storage.baseDir);
  expect(await lookWith(sameStorage, site)).toMatchObject({
    outcome: 'ok',
    found: expect.stringContaining('the same marker'),
  });
});

test('another storage at the same path, as a container with another mount sees it', async () => {
  const { baseDir } = site.config.storage;
  await adoptStorage(database.pool, baseDir);
  // What the process in the container answers, as nothing here is mounted twice.
  await database.pool.query(
    `create function bridge.lie() returns trigger language plpgsql as $$ begin
       new.detail = new.detail || '{"marker": null, "probe": "ENOENT: no such file"}'; return new; end $$;
     create trigger lie before insert on bridge.roll_answers for each row execute function bridge.lie()`,
  );
  await running(['worker', 'importer', 'web']);
  expect(await lookWith(sameStorage, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('finds no marker'),
    who: 'it',
  });
});

test('calls at the same moment are all heard', async () => {
  await running(['worker', 'importer', 'web']);
  const found = await Promise.all(
    Array.from({ length: 8 }, () => lookWith(runningRoles, { ...site, answerMs: 60_000 })),
  );
  expect(found.map((f) => f.outcome)).toEqual(Array.from({ length: 8 }, () => 'ok'));
}, 90_000);

test('a worker whose runs are in another database', async () => {
  const other = await createTestDatabase();
  await migrate(other.pool, 'runs');
  await running(['worker', 'importer', 'web'], {}, database, other.pool);
  expect(await lookWith(runningRoles, site)).toMatchObject({
    outcome: 'problem',
    found: expect.stringContaining('another database of runs'),
    remedy: expect.stringContaining('SQLALCHEMY_URL'),
  });
  onTestFinished(() => other.drop());
});

test('the folders of groups are tried by the worker, as its user', async () => {
  const { baseDir } = site.config.storage;
  const mapping = `${baseDir}/mappings.json`;
  await writeFile(mapping, JSON.stringify({ 7: { groupName: 'lab', folder: 'lab' } }));
  await mkdir(`${baseDir}/lab`);
  const storage = { baseDir, mappingFiles: [mapping] };
  await running(['worker', 'web'], { storage });
  const mapped = { ...site, config: { ...site.config, storage } };
  expect(await lookWith(groupFolders, mapped)).toMatchObject({
    outcome: 'ok',
    found: expect.stringMatching(/^1 can be written as uid:gid \d+:\d+ of the worker/),
  });
  await rm(`${baseDir}/lab`, { recursive: true });
  expect(await lookWith(groupFolders, mapped)).toMatchObject({
    outcome: 'problem',
    found: expect.stringMatching(/of the worker: lab: /),
    remedy: expect.any(String),
  });
});

test('where the Python importer imports, none of ours is missed', async () => {
  await running(['worker', 'web']);
  await database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files, file_names, "timestamp")
     values ('g', 'u', '1', 'Dataset', 'Import Completed', 'x', '[]', '[]', now())`,
  );
  expect(await lookWith(runningRoles, site)).toMatchObject({
    outcome: 'ok',
    found: expect.stringMatching(/^worker\+web on/),
  });
});
