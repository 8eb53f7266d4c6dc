import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { pino } from 'pino';
import { StubOmero } from '../../bench/orders/stub-omero.ts';
import { runImporter } from '../../src/importer/importer.ts';
import { OpenOrders } from '../../src/importer/open-orders.ts';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

const count = 400;
/** Of a row of ours, for an order: its lease and its files are written a few times. */
const mostVersions = 4;

/** Places a burst of orders and lets two importers, with an OMERO that costs nothing, close them. */
async function burst(path: string): Promise<void> {
  const { pool, url } = site.database;
  const stop = new AbortController();
  const omero = new StubOmero({ file: 0, process: 0 });
  await pool.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files, file_names)
     select 'annotate', 'alice', '1', 'Dataset', 'Import Pending', gen_random_uuid(), now(), $2, '[]' from generate_series(1, $1)`,
    [count, JSON.stringify([path])],
  );
  const running = ['a', 'b'].map((name) =>
    runImporter({
      ...{ config: site.config(), pool, databaseUrl: url, log: pino({ level: 'silent' }), signal: stop.signal, name },
      ...{ omero, importFiles: omero.importFiles },
    }),
  );
  await site.until(
    async () =>
      !(await site.some(
        `select 1 from imports p where stage = 'Import Pending' and not exists
           (select 1 from imports t where t.uuid = p.uuid and t.stage in ('Import Completed', 'Import Failed'))`,
        [],
      )),
    90_000,
  );
  stop.abort();
  await Promise.all(running);
}

/** Versions of rows that nobody can remove, by table. */
async function deadRows(): Promise<Map<string, number>> {
  await site.database.pool.query('select pg_stat_force_next_flush()');
  const { rows } = await site.database.pool.query<{ name: string; dead: number }>(
    `select schemaname || '.' || relname as name, n_dead_tup::int as dead from pg_stat_user_tables where n_dead_tup > 0`,
  );
  return new Map(rows.map((row) => [row.name, row.dead]));
}

test('a transaction that somebody leaves open for the whole of a burst: every order is closed once, and looking stays cheap', async () => {
  const { pool } = site.database;
  const path = await site.image('a.tif');
  const client = await pool.connect();
  try {
    await client.query('begin isolation level repeatable read');
    await client.query('select txid_current(), count(*) from imports');
    await burst(path);
    await burst(path);
    await pool.query('vacuum imports');
    await pool.query('vacuum bridge.leases');
    const { rows } = await pool.query<{ uuid: string; n: number }>(
      `select uuid, count(*)::int as n from imports group by uuid having count(*) <> 3
         or count(*) filter (where stage = 'Import Started') <> 1 or count(*) filter (where stage = 'Import Completed') <> 1`,
    );
    expect(rows).toEqual([]);
    expect((await pool.query('select distinct uuid from imports')).rowCount).toBe(2 * count);

    // What cannot be cleared away grows with the orders, a few versions for each, and not with the looks at the table.
    const dead = await deadRows();
    expect(dead.get('public.imports') ?? 0).toBe(0);
    expect(dead.get('bridge.order_stages') ?? 0).toBe(0);
    const tooMany = [...dead].filter(([, versions]) => versions > 2 * count * mostVersions);
    expect(tooMany).toEqual([]);
    const orders = new OpenOrders(pool);
    await orders.look();
    const times: number[] = [];
    for (let i = 0; i < 21; i++) {
      const from = performance.now();
      expect(await orders.look()).toEqual([]);
      times.push(performance.now() - from);
    }
    expect(times.sort((a, b) => a - b)[10]).toBeLessThan(250);
    await client.query('commit');
  } finally {
    client.release();
  }
}, 240_000);
