import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { DatabaseProxy } from '../support/database-proxy.ts';

/*
 * What becomes of orders while the database is away, read-only, or gives way to others. DATABASE_OUTAGE_SECONDS makes the
 * outage as long as one likes.
 */

const outageSeconds = Number(process.env['DATABASE_OUTAGE_SECONDS'] ?? 15);

let site: ImporterSite;
let proxy: DatabaseProxy;
beforeEach(async () => {
  site = await ImporterSite.open();
  proxy = await DatabaseProxy.open(site.database.url);
});
afterEach(async () => {
  await site.stop();
  await proxy.close();
  await site.drop();
});

interface Placed {
  uuid: string;
  dataset: number;
  files: string[];
}

async function place(name: string, files: number): Promise<Placed> {
  const dataset = await site.dataset();
  const paths = [];
  for (let i = 0; i < files; i++) paths.push(await site.image(`${name}-${i}.tif`));
  return { uuid: await site.order(paths, dataset), dataset, files: paths };
}

/** Each order is completed, with each image once. */
async function expectCompleted(placed: readonly Placed[], withinMs: number): Promise<void> {
  for (const { uuid, dataset, files } of placed) {
    expect((await site.closed(uuid, withinMs)).stage).toBe('Import Completed');
    expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
    const names = (await site.alice.imagesIn(dataset)).map((image) => image.name);
    expect(names.sort()).toEqual(files.map((path) => path.split('/').at(-1)).sort());
  }
}

/** Memory of a process that is its own, in MB. */
function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

const importRuns = (uuid: string): Promise<unknown> =>
  site.until(() =>
    site.some('select 1 from bridge.import_sessions where order_uuid = $1 and process is not null', [uuid]),
  );

test(
  `a database that is away for ${outageSeconds} s: said once, nothing piles up, everything is imported once`,
  async () => {
    const importer = site.process(
      { OMERO_STANDIN_PAUSE_MS: '600' },
      { maxWorkers: 2 },
      { databaseUrl: proxy.url, stderr: 'pipe' },
    );
    const lines: { level: number; msg: string }[] = [];
    let rest = '';
    importer.stderr?.on('data', (chunk) => {
      const [last = '', ...full] = (rest + String(chunk)).split('\n').toReversed();
      rest = last;
      for (const line of full.toReversed()) if (line.startsWith('{')) lines.push(JSON.parse(line) as (typeof lines)[0]);
    });
    const placed = [await place('under-way', 4)];
    await importRuns(placed[0]?.uuid ?? '');
    await proxy.away();
    await sleep(4_000);
    const [before, from] = [memoryOf(importer.pid ?? 0), lines.length];
    // Its producers reach the database all the while.
    for (let i = 0; i < 12; i++) placed.push(await place(`meanwhile-${i}`, 1));
    await sleep(outageSeconds * 1000 - 4_000);
    const grown = memoryOf(importer.pid ?? 0) - before;
    const said = lines.slice(from).filter((line) => line.level >= 40);
    await proxy.back();
    await expectCompleted(placed, 60_000);
    expect(importer.exitCode).toBeNull();
    expect(lines.some((line) => /looking for orders failed/.test(line.msg) && line.level >= 40)).toBe(true);
    // What may still come by then is the word about a beat that was under way.
    expect(said.map((line) => line.msg).filter((msg) => msg !== 'the heartbeat was not written')).toEqual([]);
    expect(said.length).toBeLessThan(2);
    expect(grown).toBeLessThan(40);
  },
  (outageSeconds + 120) * 1000,
);

test('connections that say nothing any more are given up, and the work goes on over new ones', async () => {
  const importer = site.process({}, {}, { databaseUrl: proxy.url, queryTimeoutMs: 2_000 });
  await expectCompleted([await place('before', 1)], 25_000);
  proxy.silence();
  await expectCompleted([await place('after', 2), await place('and-after', 1)], 25_000);
  expect(importer.exitCode).toBeNull();
}, 120_000);

test('a database that turns read-only, as after a failover: orders wait, and none fails of it', async () => {
  const { pool } = site.database;
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ name: string }>('select current_database() as name');
    const name = rows[0]?.name ?? '';
    const cut = (): Promise<unknown> =>
      client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and application_name <> ''
           and query not like '%omero_standin%'`,
      );
    const placed: Placed[] = [];
    for (let i = 0; i < 6; i++) placed.push(await place(`read-only-${i}`, 2));
    site.process({ OMERO_STANDIN_PAUSE_MS: '300' }, { maxWorkers: 2 });
    await importRuns(placed[0]?.uuid ?? '');
    await client.query(`alter database ${name} set default_transaction_read_only = on`);
    await cut();
    await sleep(5_000);
    expect((await client.query(`select 1 from imports where stage = 'Import Failed'`)).rowCount).toBe(0);
    await client.query(`alter database ${name} reset default_transaction_read_only`);
    await cut();
    await expectCompleted(placed, 60_000);
  } finally {
    client.release();
  }
}, 120_000);

test('where transactions give way to others, as serializable ones do, orders are tried again and none fails', async () => {
  const { pool } = site.database;
  const { rows } = await pool.query<{ name: string }>('select current_database() as name');
  await pool.query(`alter database ${rows[0]?.name ?? ''} set default_transaction_isolation = 'serializable'`);
  const placed: Placed[] = [];
  for (let i = 0; i < 12; i++) placed.push(await place(`serializable-${i}`, 1));
  for (let i = 0; i < 2; i++) site.process({}, { maxWorkers: 2 });
  await expectCompleted(placed, 60_000);
}, 120_000);
