import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { LeaseHolder } from '../lib/lease.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { noteFailure } from './attempts.ts';
import { OpenOrders } from './open-orders.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await ensureImports(database.pool);
});
afterEach(() => database.drop());

/** Rows of orders named by what they are for; in the given sequence. */
async function rows(
  count: number,
  group: string,
  { stage = 'Import Pending', db = database.pool }: { stage?: string; db?: Pick<TestDatabase['pool'], 'query'> } = {},
): Promise<string[]> {
  const { rows: inserted } = await db.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files, "timestamp")
     select $2, 'u', '1', 'Dataset', $3, gen_random_uuid(), '[]', now() from generate_series(1, $1) returning uuid`,
    [count, group, stage],
  );
  return inserted.map((r) => String(r['uuid']));
}

const look = async (): Promise<string[]> => (await new OpenOrders(database.pool).look()).map((o) => o.uuid);

test('a lower id that commits after any number of higher ones is found', async () => {
  const orders = new OpenOrders(database.pool);
  const late = await database.pool.connect();
  try {
    await late.query('begin');
    const [uuid] = await rows(1, 'late', { db: late });
    await rows(12_000, 'closed', { stage: 'Import Completed' });
    expect(await orders.look()).toEqual([]);
    await late.query('commit');
    const deadline = performance.now() + 5_000;
    let found: string[] = [];
    while (!found.length && performance.now() < deadline) found = (await orders.look()).map((o) => o.uuid);
    expect(found).toEqual([uuid]);
  } finally {
    late.release();
  }
});

test('ten thousand orders of one group do not keep another one waiting', async () => {
  await rows(10_000, 'many');
  const few = await rows(2, 'few');
  const orders = new OpenOrders(database.pool);
  for (const found of [await orders.look(), await orders.look()]) {
    expect(found.slice(0, 4).map((o) => o.group)).toEqual(['many', 'few', 'many', 'few']);
    // So many of the large group that importers have work until the next look, and all of the small one.
    expect(found.length).toBe(202);
    expect(found.filter((o) => o.group === 'few').map((o) => o.uuid)).toEqual(few);
  }
});

test('closed orders, those that others import and those that wait for another try are passed over', async () => {
  const [closed, held, waiting, free] = await rows(4, 'g');
  await database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files)
     values ('g', 'u', '1', 'Dataset', 'Import Failed', $1, '[]')`,
    [closed],
  );
  await noteFailure(database.pool, waiting ?? '', new Error('x'));
  await database.pool.query(`update bridge.order_attempts set next_at = now() + interval '1 hour'`);
  const leases = await LeaseHolder.open(database.url, { holder: randomUUID() });
  try {
    const lease = await leases.acquire(`order:${held}`);
    expect(await look()).toEqual([free]);
    await lease?.release();
    expect(await look()).toEqual([held, free]);
  } finally {
    await leases.close();
  }
  await database.pool.query('update bridge.order_attempts set next_at = now()');
  expect(await look()).toEqual([held, waiting, free]);
});

test('each failure doubles the pause, up to five minutes', async () => {
  const pauses: number[] = [];
  for (let i = 0; i < 12; i++) {
    expect(await noteFailure(database.pool, 'x', new Error('y'))).toBe(i + 1);
    const { rows: found } = await database.pool.query(
      `select round(extract(epoch from next_at - at))::int as s from bridge.order_attempts`,
    );
    pauses.push(Number(found[0]?.['s']));
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
});
