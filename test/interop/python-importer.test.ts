import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { fileResults } from '../../src/orders/file-results.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { askPythonLedger, hasPythonImporter } from '../support/python-importer.ts';

/** Columns, defaults, constraints, indexes and sequences of the importer's tables, and the revision. */
async function shape({ pool }: TestDatabase): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `select concat_ws(' ', 'column', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where n.nspname = 'public' and c.relkind = 'r'
     union all select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
       where connamespace = 'public'::regnamespace
     union all select concat_ws(' ', 'index', indexdef) from pg_indexes where schemaname = 'public'
     union all select concat_ws(' ', 'sequence', sequencename, data_type, start_value, increment_by) from pg_sequences
       where schemaname = 'public'
     order by 1`,
  );
  const { rows: revisions } = await pool.query('select version_num from alembic_version_omeroadi');
  return [...rows.map((r) => r.line), ...revisions.map((r) => `revision ${String(r['version_num'])}`)];
}

describeWithPart('Python peers', hasPythonImporter, "BIOMERO.importer's own ledger", () => {
  let ours: TestDatabase;
  let theirs: TestDatabase;
  let site: ImporterSite;
  beforeAll(async () => {
    site = await ImporterSite.open();
  });
  beforeEach(async () => {
    [ours, theirs] = [await createTestDatabase(), await createTestDatabase()];
  });
  afterEach(async () => {
    await site.stop();
    await ours.drop();
    await theirs.drop();
  });
  afterAll(() => site?.drop());

  test('has the same shape whoever made it, and either side starts on what the other one made', async () => {
    await ensureImports(ours.pool);
    askPythonLedger(theirs.url, {});
    const expected = await shape(theirs);
    expect(expected.length).toBeGreaterThan(25);
    expect(await shape(ours)).toEqual(expected);
    askPythonLedger(ours.url, {});
    await ensureImports(theirs.pool);
    expect(await shape(ours)).toEqual(expected);
    expect(await shape(theirs)).toEqual(expected);
  });

  test('is brought up to date from before the description, as its own migration does', async () => {
    for (const database of [ours, theirs]) {
      askPythonLedger(database.url, {});
      await database.pool.query('drop table alembic_version_omeroadi');
      await database.pool.query('alter table imports drop column description');
    }
    await ensureImports(ours.pool);
    askPythonLedger(theirs.url, {});
    const undated = (lines: string[]): string[] => lines.filter((line) => !/\.\.\.\.\.\.\.\.pg\.dropped/.test(line));
    expect(undated(await shape(ours))).toEqual(undated(await shape(theirs)));
  });

  test('a Python producer’s order is imported, and a Python reader follows it', async () => {
    const dataset = await site.dataset();
    const files = [await site.image('py/µ.tif'), await site.image('py/b.tif'), await site.image('py/𝛼.tif')];
    const uuid = randomUUID();
    const order = {
      Group: 'annotate',
      Username: 'alice',
      UUID: uuid,
      DestinationID: String(dataset),
      DestinationType: 'Dataset',
      Files: files,
    };
    site.importer();
    const { logged } = askPythonLedger(site.database.url, { log: [[order, 'Import Pending']] });
    expect(logged[0]).not.toBeNull();
    expect((await site.closed(uuid)).stage).toBe('Import Completed');
    expect((await fileResults(site.database.pool, uuid)).map((r) => r.state)).toEqual([
      'imported',
      'imported',
      'imported',
    ]);
    const [seen] = askPythonLedger(site.database.url, { read: [uuid] }).seen;
    expect(seen).toEqual({
      stages: ['Import Pending', 'Import Started', 'Import Completed'],
      files: [files, files, files],
      fileNames: [[], [], ['µ.tif', '...', '𝛼.tif']],
      latest: 'Import Completed',
      description: null,
    });
  });

  test('a Python reader reads our order as it reads Python’s, and why it failed', async () => {
    const files = ['/nowhere/a "b" \\ µ 𝛼.tif'];
    const uuid = await site.order(files, await site.dataset());
    const theirUuid = randomUUID();
    const order = {
      Group: 'annotate',
      Username: 'alice',
      UUID: theirUuid,
      DestinationID: '1',
      DestinationType: 'Dataset',
      Files: files,
    };
    const { seen } = askPythonLedger(site.database.url, { log: [[order, 'Import Pending']], read: [uuid, theirUuid] });
    expect(seen[0]).toEqual(seen[1]);
    const { rows } = await site.database.pool.query(
      'select distinct files, file_names from imports where uuid = any($1)',
      [[uuid, theirUuid]],
    );
    expect(rows).toHaveLength(1);
    site.importer();
    await site.closed(uuid);
    const [read] = askPythonLedger(site.database.url, { read: [uuid] }).seen;
    expect(read).toMatchObject({ latest: 'Import Failed', files: [files, files, files] });
    expect(read?.description).toMatch(/^0 of 1 files imported\. .*it does not exist/);
  });
});
