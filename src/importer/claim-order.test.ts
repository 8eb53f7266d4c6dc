import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LeaseHolder } from '../lib/lease.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { claimOrder } from './claim-order.ts';
import { OrderCalls } from './order-calls.ts';

let database: TestDatabase;
let first: LeaseHolder;
let second: LeaseHolder;
let calls: OrderCalls;

beforeAll(async () => {
  database = await createTestDatabase();
  await ensureImports(database.pool);
  first = await LeaseHolder.open(database.url, { holder: 'first' });
  second = await LeaseHolder.open(database.url, { holder: 'second' });
  calls = new OrderCalls(database.pool);
});
afterAll(async () => {
  await first.close();
  await second.close();
  await database.drop();
});

async function place(files: string, preprocessing: number | null = null): Promise<string> {
  const uuid = randomUUID();
  await database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
       preprocessing_id) values ('g', 'u', '1', 'Dataset', 'Import Pending', $1, now(), $2, $3)`,
    [uuid, files, preprocessing],
  );
  return uuid;
}

async function append(uuid: string, stage: string): Promise<void> {
  await database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files)
     select group_name, user_name, destination_id, destination_type, $2, uuid, files from imports where uuid = $1`,
    [uuid, stage],
  );
}

const stagesOf = async (uuid: string): Promise<string[]> =>
  (
    await database.pool.query<{ stage: string }>('select stage from imports where uuid = $1 order by id', [uuid])
  ).rows.map((row) => row.stage);

const listed = async (uuid: string): Promise<string[]> =>
  (
    await database.pool.query<{ path: string }>(
      'select path from bridge.order_files where order_uuid = $1 order by position',
      [uuid],
    )
  ).rows.map((row) => row.path);

test('an order is taken, read and started with one call', async () => {
  const uuid = await place('["/a/ä b.tif", "/a/b.tif", "/a/ä b.tif"]');
  const claimed = await claimOrder(calls, first, uuid, 0);
  expect(claimed?.row).toMatchObject({ uuid, group_name: 'g', destination_id: '1', preprocessing_id: null });
  expect(claimed?.started).toEqual({ waited: expect.any(Number), archivePath: null });
  expect(await stagesOf(uuid)).toEqual(['Import Pending', 'Import Started']);
  expect(await listed(uuid)).toEqual(['/a/ä b.tif', '/a/b.tif']);
  expect(claimed?.lease.signal.aborted).toBe(false);
  await claimed?.lease.release();

  const again = await claimOrder(calls, second, uuid, 0);
  expect(again?.started?.waited).toBeNull();
  expect(again?.lease.token).toBeGreaterThan(claimed?.lease.token ?? Infinity);
  expect(await stagesOf(uuid)).toEqual(['Import Pending', 'Import Started']);
});

test.each([
  ['no JSON', '/a'],
  ['no list', '{"a": 1}'],
  ['an empty list', '[]'],
  ['something that is no path', '["/a", 3]'],
  ['nothing', '["/a", null]'],
  ['a list inside', '["/a", ["/b"]]'],
  ['a relative path', '["a"]'],
  ['a path that goes up', '["/a/../b"]'],
  ['a doubled slash', '["/a//b"]'],
  ['a folder with a slash at its end', '["/a/b.zarr/"]'],
  ['a NUL', '["/a\\u0000"]'],
  ['half a character', '["/a\\ud800"]'],
  ['lists without end', '['.repeat(30_000)],
])('a list with %s is left to the program to judge', async (_, files) => {
  const uuid = await place(files);
  const claimed = await claimOrder(calls, first, uuid, 0);
  expect(claimed?.row?.files).toBe(files);
  expect(claimed?.started).toBeNull();
  expect(await stagesOf(uuid)).toEqual(['Import Pending']);
  expect(await listed(uuid)).toEqual([]);
});

test('an order that needs containers is not started, and a long list does not travel with others', async () => {
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into imports_preprocessing (container, input_file, output_folder) values ('c', 'i', 'o') returning id`,
  );
  const id = rows[0]?.id ?? -1;
  const [converted, long] = [await place('["/a"]', id), await place(JSON.stringify(['/a'.repeat(40_000)]))];
  const claims = await Promise.all([converted, long].map((uuid) => claimOrder(calls, first, uuid, 0)));
  expect(claims.map((claim) => [claim?.started, claim?.row?.preprocessing_id])).toEqual([
    [null, id],
    [null, undefined],
  ]);
  expect(await stagesOf(converted)).toEqual(['Import Pending']);
});

test('an order that is closed or in living hands is not taken', async () => {
  const [closed, held] = [await place('["/a"]'), await place('["/a"]')];
  await append(closed, 'Import Failed');
  expect(await claimOrder(calls, first, held, 0)).not.toBeNull();
  const rows = (await database.pool.query('select * from imports')).rowCount;
  expect(await claimOrder(calls, first, closed, 0)).toBeNull();
  expect(await claimOrder(calls, second, held, 0)).toBeNull();
  expect((await database.pool.query('select * from imports')).rowCount).toBe(rows);
  const { rowCount } = await database.pool.query('select 1 from bridge.leases where resource = $1', [
    `order:${closed}`,
  ]);
  expect(rowCount).toBe(0);
});

test('of many that ask at once one gets it, and it is started once', async () => {
  const uuids = await Promise.all(Array.from({ length: 20 }, () => place('["/a"]')));
  const both = [first, second].flatMap((leases) => {
    const own = new OrderCalls(database.pool);
    return uuids.toReversed().map((uuid) => claimOrder(own, leases, uuid, 0));
  });
  const taken = (await Promise.all(both)).filter((claim) => claim !== null);
  expect(taken.map((claim) => claim.row?.uuid).toSorted()).toEqual(uuids.toSorted());
  for (const uuid of uuids) expect(await stagesOf(uuid)).toEqual(['Import Pending', 'Import Started']);
});

test('where another importer began, neither lease nor stage is written, and the calls beside it go through', async () => {
  const [foreign, ours] = [await place('["/a"]'), await place('["/a"]')];
  await append(foreign, 'Import Started');
  const claims = await Promise.allSettled([foreign, ours].map((uuid) => claimOrder(calls, first, uuid, 0)));
  expect(claims[0]).toMatchObject({ status: 'rejected', reason: { code: 'BB003', detail: 'Import Started' } });
  expect(claims[1]).toMatchObject({ status: 'fulfilled', value: { started: { archivePath: null } } });
  const { rowCount } = await database.pool.query('select 1 from bridge.leases where resource = $1', [
    `order:${foreign}`,
  ]);
  expect(rowCount).toBe(0);
});

test('a call that waits for a lock keeps the calls beside it waiting only for a moment', async () => {
  const [locked, free] = [await place('["/a"]'), await place('["/a"]')];
  const other = await database.pool.connect();
  try {
    await other.query('begin');
    await other.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_order'), hashtext($1))`, [locked]);
    const waiting = claimOrder(calls, first, locked, 0);
    expect((await claimOrder(calls, first, free, 0))?.started).not.toBeNull();
    expect(await stagesOf(locked)).toEqual(['Import Pending']);
    await other.query('rollback');
    expect((await waiting)?.started).not.toBeNull();
  } finally {
    other.release();
  }
});

test('a statement that names an order twice does nothing of it', async () => {
  const uuid = await place('["/a"]');
  const claim = { do: 'claim', order: uuid, holder: 'x', ttl: 1_000, since: 0 };
  const query = database.pool.query('select * from bridge.order_calls($1)', [JSON.stringify([claim, claim])]);
  await expect(query).rejects.toThrow('an order is named twice');
  expect(await stagesOf(uuid)).toEqual(['Import Pending']);
});
