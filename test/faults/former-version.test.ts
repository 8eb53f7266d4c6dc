import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { FormerImporter, formerMigration, migrateAsFormer } from '../support/former-importer.ts';

// A site upgrades one importer after the other: the former version and this one work side by side on one schema.

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open({
    prepare: async (pool) => {
      await ensureImports(pool);
      await pool.query('drop schema bridge cascade');
      await migrateAsFormer(pool);
    },
  });
});
afterAll(() => site?.drop());

const applied = async (): Promise<string[]> =>
  (
    await site.database.pool.query<{ file: string }>(
      `select file from bridge.migrations where part = 'orders' order by file`,
    )
  ).rows.map((row) => row.file);

test('importers of the former version and of this one share the orders, before, while and after the schema is brought up to date', async () => {
  const { pool } = site.database;
  expect((await applied()).at(-1)).toBe(formerMigration);
  const dataset = await site.dataset();
  const placed: string[] = [];
  const place = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) placed.push(await site.order([await site.image(`${placed.length}.tif`)], dataset));
  };
  const allClosed = (): Promise<unknown> =>
    site.until(
      async () =>
        !(await site.some(
          `select 1 from imports p where stage = 'Import Pending' and not exists
             (select 1 from imports t where t.uuid = p.uuid and t.stage in ('Import Completed', 'Import Failed'))`,
          [],
        )),
      60_000,
    );

  const former = [await FormerImporter.start(pool), await FormerImporter.start(pool)];
  const closedByFormer = (): string[] => former.flatMap((f) => f.closed);
  await place(6);
  await site.until(async () => closedByFormer().length > 1);
  // Two of this version start at the same time, in the middle of the work of the others.
  await place(10);
  await Promise.all([ensureImports(pool), ensureImports(pool)]);
  expect((await applied()).length).toBe((await readdir(packageFile('migrations', 'orders'))).length);
  await site.importer({ change: { maxWorkers: 2 } }).begun();
  await place(24);
  await allClosed();
  const shared = closedByFormer().length;
  const ofThis = placed.filter((uuid) => !closedByFormer().includes(uuid));
  expect(ofThis.length).toBeGreaterThan(0);
  expect(shared).toBeGreaterThan(1);

  // The new one is taken back: the former ones go on, on the schema of the new one.
  await site.stop();
  await place(6);
  await allClosed();
  expect(closedByFormer().length).toBe(shared + 6);
  // And a former one that starts on it finds all that it knows.
  await migrateAsFormer(pool);
  await Promise.all(former.map((f) => f.stop()));
  expect(former.flatMap((f) => f.errors)).toEqual([]);

  for (const uuid of placed) expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
  expect(await site.some(`select 1 from bridge.heartbeats where detail ? 'stopped'`, [])).toBe(false);
  expect((await site.alice.imagesIn(dataset)).length).toBe(ofThis.length);
  expect(
    await site.some(`select 1 from bridge.leases where resource like 'order:%' and expires_at > clock_timestamp()`, []),
  ).toBe(false);
}, 120_000);

// Functions that former versions call are called above.
test('changes of the tables only add: what a former version uses is neither removed nor renamed', async () => {
  const taken = /\b(drop|rename|truncate)\b|\bset not null\b|\balter\s+(column\s+)?\w+\s+type\b|\bdelete from\b/i;
  for (const part of ['orders', 'runs']) {
    const folder = packageFile('migrations', part);
    for (const file of (await readdir(folder)).sort()) {
      const statements = (await readFile(`${folder}/${file}`, 'utf8'))
        .replace(/--.*$/gm, '')
        // What functions do when they are called is another matter.
        .replace(/\$\$[\s\S]*?\$\$/g, '')
        .split(';')
        .filter((statement) => taken.test(statement.replace(/drop (not null|index|function)/gi, '')));
      expect([file, statements]).toEqual([file, []]);
    }
  }
});
