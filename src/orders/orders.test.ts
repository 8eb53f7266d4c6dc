import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { openPool } from '../lib/database.ts';
import { ensureImports } from './ensure-imports.ts';
import { orderUuid } from './order-uuid.ts';
import { placeOrder, type NewOrder } from './place-order.ts';
import { readOrder } from './read-order.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

function order(files = ['/data/demo/a.tif']): NewOrder {
  const taskId = randomUUID();
  return {
    uuid: orderUuid({ taskId, jobId: 7, destination: { type: 'Dataset', id: 3 }, part: 1 }),
    groupName: 'demo',
    userName: 'researcher',
    destinationType: 'Dataset',
    destinationId: 3,
    files,
    link: { taskId, runId: randomUUID(), archivePath: '/data/demo', part: 1, retryOf: null },
  };
}

test('the tables are those of the Python importer, name by name', async () => {
  await ensureImports(database.pool);
  const { rows: columns } = await database.pool.query(
    `select column_name || ' ' || data_type || coalesce('(' || character_maximum_length || ')', '') || ' ' || is_nullable as c
     from information_schema.columns where table_name = 'imports' order by ordinal_position`,
  );
  expect(columns.map((r) => r['c'])).toEqual([
    'id integer NO',
    'group_name character varying NO',
    'user_name character varying NO',
    'destination_id character varying NO',
    'destination_type character varying NO',
    'stage character varying NO',
    'uuid character varying(36) NO',
    'timestamp timestamp with time zone YES',
    'files text NO',
    'file_names text YES',
    'description text YES',
    'preprocessing_id integer YES',
  ]);
  const { rows: names } = await database.pool.query(
    `select indexname as n from pg_indexes where tablename like 'imports%' or tablename like 'alembic%'
     union select conname from pg_constraint where contype = 'f' and conrelid = 'imports'::regclass order by n`,
  );
  expect(names.map((r) => r['n'])).toEqual([
    'alembic_version_omeroadi_pkc',
    'imports_ix_uuid_timestamp',
    'imports_pkey',
    'imports_preprocessing_id_fkey',
    'imports_preprocessing_pkey',
    'ix_imports_user_name',
    'ix_imports_uuid',
  ]);
  const { rows: version } = await database.pool.query('select version_num from alembic_version_omeroadi');
  expect(version).toEqual([{ version_num: '78d3d6d84aec' }]);
});

test('several processes that start at once make it once', async () => {
  await Promise.all([1, 2, 3, 4].map(() => ensureImports(database.pool)));
  await ensureImports(database.pool);
  const { rows } = await database.pool.query('select version_num from alembic_version_omeroadi');
  expect(rows).toHaveLength(1);
});

test('a table from before the description gets the column and keeps its rows', async () => {
  await ensureImports(database.pool);
  await placeOrder(database.pool, order());
  await database.pool.query('alter table imports drop column description');
  await database.pool.query('drop table alembic_version_omeroadi');
  await ensureImports(database.pool);
  const { rows } = await database.pool.query('select description from imports');
  expect(rows).toEqual([{ description: null }]);
});

test('tables that a newer importer changed are left alone', async () => {
  await ensureImports(database.pool);
  await database.pool.query(`update alembic_version_omeroadi set version_num = 'fffffffffff1'`);
  await expect(ensureImports(database.pool)).rejects.toMatchObject({ code: 'IMPORTS_SCHEMA_UNKNOWN' });
});

test('placing twice is one order, with the columns that Python readers expect', async () => {
  await ensureImports(database.pool);
  const placed = order(['/data/demo/µ "x".tif', '/data/demo/𝛼.tif']);
  expect(await placeOrder(database.pool, placed)).toEqual({ uuid: placed.uuid, created: true });
  expect(await placeOrder(database.pool, placed)).toEqual({ uuid: placed.uuid, created: false });
  const { rows } = await database.pool.query(
    `select group_name, user_name, destination_id, destination_type, stage, uuid, files, file_names, description,
       preprocessing_id, "timestamp" is not null as timed from imports`,
  );
  expect(rows).toEqual([
    {
      group_name: 'demo',
      user_name: 'researcher',
      destination_id: '3',
      destination_type: 'Dataset',
      stage: 'Import Pending',
      uuid: placed.uuid,
      // Exactly what json.dumps gives.
      files: '["/data/demo/\\u00b5 \\"x\\".tif", "/data/demo/\\ud835\\udefc.tif"]',
      file_names: '[]',
      description: null,
      preprocessing_id: null,
      timed: true,
    },
  ]);
  expect(await readOrder(database.pool, placed.uuid)).toMatchObject({ stage: 'Import Pending', startedAt: null });
});

test('many that place the same order at once place one', async () => {
  await ensureImports(database.pool);
  const placed = order();
  const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => placeOrder(database.pool, placed)));
  expect(outcomes.filter((o) => o.created)).toHaveLength(1);
  expect((await database.pool.query('select 1 from imports')).rowCount).toBe(1);
});

test('an order that stands without its link, as after bridge was made anew, is not placed again', async () => {
  await ensureImports(database.pool);
  const placed = order();
  await placeOrder(database.pool, placed);
  await database.pool.query('delete from bridge.order_links');
  expect(await placeOrder(database.pool, placed)).toEqual({ uuid: placed.uuid, created: false });
  expect((await database.pool.query('select 1 from imports')).rowCount).toBe(1);
  expect((await database.pool.query('select 1 from bridge.order_links')).rowCount).toBe(1);
});

test('whoever listens hears of an order when it is committed', async () => {
  await ensureImports(database.pool);
  const client = await database.pool.connect();
  try {
    const heard = new Promise((resolve) => client.once('notification', (n) => resolve(n.payload)));
    await client.query('listen bridge_orders');
    const { uuid } = await placeOrder(database.pool, order());
    expect(await heard).toBe(uuid);
  } finally {
    client.release(true);
  }
});

test.each<[string, Partial<NewOrder>]>([
  ['without files', { files: [] }],
  ['into nothing', { destinationId: 0 }],
  ['into what is no id', { destinationId: 1.5 }],
])('an order %s is refused when it is placed', async (_, change) => {
  await ensureImports(database.pool);
  await expect(placeOrder(database.pool, { ...order(), ...change })).rejects.toMatchObject({ code: 'ORDER_INVALID' });
});

test('where the tables of BIOMERO stand, no right to create any beside them is needed', async () => {
  await ensureImports(database.pool);
  const role = `limited_${randomUUID().slice(0, 8)}`;
  const client = await database.pool.connect();
  try {
    await client.query(`create role ${role}`);
    await client.query(`grant select, insert, update, delete on all tables in schema public, bridge to ${role}`);
    await client.query(`grant usage, create on schema bridge to ${role}`);
    await client.query(`revoke create on schema public from public`);
  } finally {
    client.release();
  }
  const limited = openPool(database.url, { max: 1 });
  try {
    await limited.query(`set role ${role}`);
    await ensureImports(limited);
  } finally {
    await limited.end();
    await database.pool.query(`drop owned by ${role}`);
    await database.pool.query(`drop role ${role}`);
  }
});

test('an order is where its newest row is, or the one that closed it', async () => {
  await ensureImports(database.pool);
  const placed = order(['/a', '/b', '/c']);
  await placeOrder(database.pool, placed);
  await database.pool.query(
    `insert into bridge.order_files (order_uuid, path, position, state)
     values ($1, '/a', 1, 'imported'), ($1, '/b', 2, 'waiting'), ($1, '/c', 3, 'failed')`,
    [placed.uuid],
  );
  const add = (stage: string): Promise<unknown> =>
    database.pool.query(
      `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files, "timestamp")
       values ('g', 'u', '1', 'Dataset', $1, $2, '[]', now())`,
      [stage, placed.uuid],
    );
  for (const stage of ['Import Started', 'Import Completed', 'Import Started']) await add(stage);
  expect(await readOrder(database.pool, placed.uuid)).toMatchObject({
    stage: 'Import Completed',
    startedAt: expect.any(Date),
    files: { total: 3, imported: 1, failed: 1 },
    trouble: null,
  });
  expect(await readOrder(database.pool, randomUUID())).toBeNull();
});

test('a failure to place is an error, and leaves neither link nor order', async () => {
  await ensureImports(database.pool);
  await database.pool.query('alter table imports add constraint broken check (group_name <> $$demo$$)');
  await expect(placeOrder(database.pool, order())).rejects.toThrow(/broken/);
  expect((await database.pool.query('select 1 from bridge.order_links')).rowCount).toBe(0);
});

test('the uuid follows from what the order is for', () => {
  const base = { taskId: 'a', jobId: 1, destination: { type: 'Dataset', id: 2 }, part: 1 };
  expect(orderUuid(base)).toBe(orderUuid({ ...base }));
  const others = [{ taskId: 'b' }, { jobId: 2 }, { destination: { type: 'Screen', id: 2 } }, { part: 2 }];
  const uuids = others.map((change) => orderUuid({ ...base, ...change }));
  expect(new Set([orderUuid(base), ...uuids]).size).toBe(5);
});
