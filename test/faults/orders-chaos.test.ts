import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { clientPathOf } from '../../src/omero/client-path.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { seededRandom } from '../../src/lib/random.ts';

/*
 * Two to eight importer processes are killed, paused, stopped and cut off from the database at random while they import
 * 500 orders. What
 * must hold afterwards is read from the database and from OMERO's own tables. CHAOS_SEED repeats a sequence.
 */

const orders = Number(process.env['CHAOS_ORDERS'] ?? 500);
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const random = seededRandom(seed);

let site: ImporterSite;
const importers = new Set<ChildProcess>();
const counts = { killed: 0, paused: 0, stopped: 0, cut: 0, started: 0 };

beforeAll(async () => {
  site = await ImporterSite.open();
}, 60_000);

afterAll(async () => {
  for (const child of importers) child.kill('SIGKILL');
  await site?.drop();
});

function start(): void {
  const command = [process.execPath, packageFile('dist', 'src', 'embedded', 'omero', 'import-main.js'), 'import'];
  const child = site.process({}, { maxWorkers: 3, command });
  counts.started++;
  importers.add(child);
  child.once('exit', () => importers.delete(child));
}

function pick<T>(from: readonly T[]): T {
  const one = from[Math.floor(random.next() * from.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

/** One thing happens to one importer. */
async function strike(): Promise<void> {
  const what = random.next();
  if (what > 0.9) {
    // Every connection to the database at once, wherever its owner is in a transaction.
    counts.cut++;
    await site.database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
    return;
  }
  const child = pick([...importers]);
  if (what < 0.45) {
    counts.killed++;
    child.kill('SIGKILL');
  } else if (what < 0.75) {
    counts.paused++;
    child.kill('SIGSTOP');
    // Longer than a lease lives, now and then.
    const ms = random.next() < 0.4 ? 2_500 : 200 + random.next() * 800;
    setTimeout(() => child.kill('SIGCONT'), ms).unref();
  } else {
    counts.stopped++;
    child.kill('SIGTERM');
  }
}

async function openOrders(): Promise<number> {
  const { rows } = await site.database.pool.query<{ n: number }>(
    `select count(distinct uuid)::int as n from imports p where stage = 'Import Pending'
       and not exists (select from imports t where t.uuid = p.uuid and t.stage in ('Import Completed', 'Import Failed'))`,
  );
  return rows[0]?.n ?? -1;
}

test(`${orders} orders under killing and pausing end once each, and every image is there once (seed ${seed})`, async () => {
  const datasets = [await site.dataset(), await site.dataset(), await site.dataset()];
  const placed: { uuid: string; dataset: number; files: string[]; bad: boolean }[] = [];
  const place = async (i: number): Promise<void> => {
    const bad = i % 25 === 7;
    const files: string[] = [];
    for (let f = 0; f < (i % 50 === 0 ? 4 : 1); f++) files.push(await site.image(`chaos/${i}-${f}.tif`));
    if (bad) files.push(await site.image(`chaos/${i}-bad.tif`, Buffer.from('no image')));
    const dataset = pick(datasets);
    placed.push({ uuid: await site.order(files, dataset), dataset, files, bad });
  };
  for (let i = 0; i < orders * 0.6; i++) await place(i);
  const wanted = 2 + Math.floor(random.next() * 3);
  for (let i = 0; i < wanted; i++) start();
  const deadline = Date.now() + 400_000;
  for (let i = placed.length, round = 0; ; round++) {
    // The rest is placed while the importers work.
    for (let n = 0; n < 20 && i < orders; n++, i++) await place(i);
    await sleep(400 + random.next() * 500);
    if (i >= orders && (await openOrders()) === 0) break;
    if (Date.now() > deadline) throw new Error(`${await openOrders()} orders are still open`);
    if (importers.size && round % 3 === 2) await strike();
    const alive = Math.min(8, wanted + Math.floor(random.next() * 5));
    while (importers.size < alive) start();
  }
  // Whoever sleeps wakes up now, with leases long lost, and is asked to end.
  for (const child of importers) {
    child.kill('SIGCONT');
    child.kill('SIGTERM');
  }
  await Promise.all([...importers].map((child) => once(child, 'exit')));

  // Each order has one end, and the end is the right one, with a reason that is true.
  const { rows: ends } = await site.database.pool.query<{ uuid: string; stage: string; description: string | null }>(
    `select uuid, stage, description from imports where stage in ('Import Completed', 'Import Failed')`,
  );
  expect(ends).toHaveLength(orders);
  const endOf = new Map(ends.map((end) => [end.uuid, end]));
  expect(endOf.size).toBe(orders);
  for (const { uuid, bad, files } of placed) {
    expect(endOf.get(uuid)?.stage, uuid).toBe(bad ? 'Import Failed' : 'Import Completed');
    if (bad) expect(endOf.get(uuid)?.description).toContain(`1 of ${files.length} files imported. `);
    if (bad) expect(endOf.get(uuid)?.description).toContain('-bad.tif');
  }
  const { rows: starts } = await site.database.pool.query(
    `select uuid from imports where stage = 'Import Started' group by uuid having count(*) <> 1`,
  );
  expect(starts).toEqual([]);

  // Every good file is one image of one fileset in its dataset, and nothing else is there.
  for (const dataset of datasets) {
    const good = placed.filter((o) => o.dataset === dataset).flatMap((o) => o.files.filter((f) => !f.includes('-bad')));
    const images = await site.alice.imagesIn(dataset);
    expect(images.map((i) => i.name).sort()).toEqual(good.map((f) => f.split('/').at(-1)).sort());
    const filesets = (await site.alice.filesetsByClientPath(good)).filter((f) => f.imageIds.length > 0);
    expect(filesets.map((f) => f.clientPath).sort()).toEqual(good.map(clientPathOf).sort());
    // Imported in place: links to the files of the group, of which none was touched.
    for (const stored of await site.alice.storedFilesOf(images.map((i) => i.id)))
      expect(readlinkSync(join(site.omero.managedRepository, stored.path, stored.name))).toMatch(
        new RegExp(`^${site.storage}/annotate/chaos/`),
      );
    const annotations = await site.alice.mapAnnotations(
      'Image',
      images.map((i) => i.id),
      'biomero.import',
    );
    expect(annotations.map((a) => a.targetId).sort()).toEqual(images.map((i) => i.id).sort());
  }

  // Nothing is left behind: no import session on record, no lease, no process.
  const { rows: sessions } = await site.database.pool.query('select order_uuid from bridge.import_sessions');
  expect(sessions).toEqual([]);
  const { rows: leases } = await site.database.pool.query(
    `select resource from bridge.leases where resource like 'order:%' and expires_at > clock_timestamp()`,
  );
  expect(leases).toEqual([]);
  process.stdout.write(
    `chaos with seed ${seed}: ${counts.killed} killed, ${counts.paused} paused, ${counts.stopped} stopped, ${counts.cut} times cut off, ${counts.started} started\n`,
  );
  expect(counts.killed + counts.paused).toBeGreaterThan(orders >= 500 ? 10 : 0);
}, 500_000);
