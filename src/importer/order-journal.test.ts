import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { stages } from '../domain/vocabulary.ts';
import { LeaseHolder, type Lease } from '../lib/lease.ts';
import { cancelOrder } from '../orders/cancel-order.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { fileResults, type FileResult } from '../orders/file-results.ts';
import { OrderJournal } from './order-journal.ts';

let database: TestDatabase;
let first: LeaseHolder;
let second: LeaseHolder;
beforeEach(async () => {
  database = await createTestDatabase();
  await ensureImports(database.pool);
  [first, second] = [
    await LeaseHolder.open(database.url, { holder: 'first' }),
    await LeaseHolder.open(database.url, { holder: 'second' }),
  ];
});
afterEach(async () => {
  await first.close();
  await second.close();
  await database.drop();
});

async function order(): Promise<{ uuid: string; take: (holder: LeaseHolder) => Promise<Lease> }> {
  const uuid = randomUUID();
  await database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files)
     values ('g', 'u', '1', 'Dataset', 'Import Pending', $1, '["/a"]')`,
    [uuid],
  );
  const take = async (holder: LeaseHolder): Promise<Lease> => {
    const lease = await holder.acquire(`order:${uuid}`);
    if (!lease) throw new Error('not acquired');
    return lease;
  };
  return { uuid, take };
}

const everything = async (): Promise<unknown> => {
  const tables = [
    'imports',
    'bridge.order_stages',
    'bridge.order_files',
    'bridge.import_sessions',
    'bridge.order_attempts',
  ];
  return Promise.all(tables.map(async (table) => (await database.pool.query(`select * from ${table}`)).rows));
};

test('a holder that was superseded writes nothing at all', async () => {
  const { uuid, take } = await order();
  // A signal that never aborts: the holder was paused, and knows of nothing.
  const old = { ...(await take(first)), signal: new AbortController().signal };
  const journal = new OrderJournal(database.pool, old, uuid, 0);
  await journal.start(['/a']);
  await journal.sessionOpened(7);
  await database.pool.query(`update bridge.leases set expires_at = '-infinity'`);
  await take(second);
  const before = await everything();
  const process = { pid: 1, startTime: '1', bootId: 'b', executable: '' };
  const result = { path: '/a', state: 'imported' as const, filesetId: 1, imageIds: [1], plateIds: [], error: null };
  const writes = [
    () => journal.start(['/a', '/b']),
    () => journal.results([result]),
    () => journal.sessionOpened(8),
    () => journal.processStarted(7, process),
    () => journal.sessionEnded(),
    () => journal.failed(new Error('x')),
    () => journal.close(stages.completed, { fileNames: null, description: null }),
  ];
  for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(await everything()).toEqual(before);
});

test('an order is begun once and closed once, whoever tries again', async () => {
  const { uuid, take } = await order();
  const a = new OrderJournal(database.pool, await take(first), uuid, 0);
  await a.start(['/a']);
  await a.start(['/a']);
  await a.failed(new Error('x'));
  await a.close(stages.failed, { fileNames: '["a"]', description: 'why' });
  const again = new OrderJournal(database.pool, await take(second), uuid, 0);
  await again.close(stages.completed, { fileNames: null, description: null });
  expect(await a.open()).toBeNull();
  const { rows } = await database.pool.query('select stage, file_names, description from imports order by id');
  expect(rows).toEqual([
    { stage: 'Import Pending', file_names: null, description: null },
    { stage: 'Import Started', file_names: null, description: null },
    { stage: 'Import Failed', file_names: '["a"]', description: 'why' },
  ]);
  expect((await database.pool.query('select 1 from bridge.order_attempts')).rowCount).toBe(0);
});

test('what another importer wrote before we began is history, what it writes now is a conflict', async () => {
  const { uuid, take } = await order();
  const { rows } = await database.pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files)
     values ('g', 'u', '1', 'Dataset', 'Import Started', $1, '["/a"]') returning id`,
    [uuid],
  );
  const id = Number(rows[0]?.['id']);
  const lease = await take(first);
  const history = new OrderJournal(database.pool, lease, uuid, id);
  expect(await history.open()).toMatchObject({ uuid, files: '["/a"]' });
  expect((await history.start(['/a'])).waited).toBeNull();
  const conflict = { code: 'ANOTHER_IMPORTER', params: { stage: 'Import Started' } };
  await expect(new OrderJournal(database.pool, lease, uuid, id - 1).start(['/a'])).rejects.toMatchObject(conflict);
  await expect(
    new OrderJournal(database.pool, lease, uuid, id - 1).close(stages.completed, {
      fileNames: null,
      description: null,
    }),
  ).rejects.toMatchObject(conflict);
});

test('the first start tells how long the order waited, and where its archive stands', async () => {
  const { uuid, take } = await order();
  await database.pool.query(`update imports set "timestamp" = clock_timestamp() - interval '1 minute'`);
  await database.pool.query(
    `insert into bridge.order_links (order_uuid, archive_path, part) values ($1, '/archive', 1)`,
    [uuid],
  );
  const journal = new OrderJournal(database.pool, await take(first), uuid, 0);
  const begun = await journal.start(['/a']);
  expect(begun.archivePath).toBe('/archive');
  expect(begun.waited).toBeGreaterThanOrEqual(60);
  expect(await journal.start(['/a'])).toEqual({ waited: null, archivePath: '/archive' });
});

test('results are kept per file, in the sequence of the order, and those that are there stay', async () => {
  const { uuid, take } = await order();
  const journal = new OrderJournal(database.pool, await take(first), uuid, 0);
  await journal.start(['/b', '/a', '/b', '/c']);
  const base = { filesetId: null, imageIds: [], plateIds: [] };
  const results: FileResult[] = [
    { ...base, path: '/a', state: 'imported', filesetId: 4, imageIds: [5, 6], error: null },
    { ...base, path: '/c', state: 'failed', error: 'NUL \0 and more' },
  ];
  await journal.sessionOpened(7);
  await journal.results(results);
  expect((await database.pool.query('select 1 from bridge.import_sessions')).rowCount).toBe(1);
  await journal.results([], { ended: true });
  expect((await database.pool.query('select 1 from bridge.import_sessions')).rowCount).toBe(0);
  await journal.start(['/b', '/a', '/c']);
  expect(await fileResults(database.pool, uuid)).toEqual([
    { ...base, path: '/b', state: 'waiting', error: null },
    results[0],
    { ...results[1], error: 'NUL \\u0000 and more' },
  ]);
});

test('an order that was closed meanwhile is not started', async () => {
  const { uuid, take } = await order();
  const journal = new OrderJournal(database.pool, await take(first), uuid, 0);
  await cancelOrder(database.pool, uuid, 'robin', 'wrong dataset');
  await expect(journal.start(['/a'])).rejects.toMatchObject({ code: 'ORDER_CLOSED' });
});
