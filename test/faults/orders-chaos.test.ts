import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { brokenInvariants, makeArchive, snapshotOf, type PlacedOrder } from '../support/order-invariants.ts';

/*
 * Two to eight importer processes are killed, paused, stopped and cut off from the database at random while they import
 * 500 orders. What must hold afterwards is read from the database, the storage and OMERO's own tables. CHAOS_SEED repeats
 * a sequence.
 */

const orders = Number(process.env['CHAOS_ORDERS'] ?? 500);
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const random = seededRandom(seed);

let site: ImporterSite;
const importers = new Set<ChildProcess>();
const counts = { killed: 0, paused: 0, stopped: 0, cut: 0, started: 0, most: 0 };

afterEach(async () => {
  for (const child of importers) child.kill('SIGKILL');
  await site?.drop();
});

function start(): void {
  const command = [process.execPath, packageFile('dist', 'src', 'embedded', 'omero', 'import-main.js'), 'import'];
  const child = site.process({}, { maxWorkers: 3, command });
  counts.started++;
  importers.add(child);
  counts.most = Math.max(counts.most, importers.size);
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

interface Plan extends Omit<PlacedOrder, 'uuid'> {
  files: string[];
}

/** Orders of images in archives, ten to each; now and then one of several files, or with one that is no image. */
async function plan(count: number): Promise<Plan[]> {
  const datasets = [await site.dataset(), await site.dataset(), await site.dataset()];
  const plans: Plan[] = [];
  for (let first = 0; first < count; first += 10) {
    const files = new Map<number, string[]>();
    for (let i = first; i < Math.min(first + 10, count); i++) {
      const names = Array.from({ length: i % 50 === 0 ? 4 : 1 }, (_, f) => `${i}-${f}.tif`);
      files.set(i, i % 25 === 7 ? [...names, `${i}-bad.tif`] : names);
    }
    const bytes = Object.fromEntries(
      [...files.values()].flat().map((name) => [name, name.includes('bad') ? Buffer.from('no image') : null]),
    );
    const archive = await makeArchive(site, `run-${first}`, bytes);
    for (const names of files.values()) {
      const paths = names.map((name) => join(archive, '1_out', 'data', 'out', name));
      const bad = paths.filter((path) => path.includes('-bad'));
      plans.push({ dataset: pick(datasets), archive, files: paths, good: paths.filter((p) => !bad.includes(p)), bad });
    }
  }
  return plans;
}

async function place({ files, ...order }: Plan): Promise<PlacedOrder> {
  return { ...order, uuid: await site.order(files, order.dataset) };
}

/** What belongs to others: beside the group's folder, and in it. */
async function addNeighbours(): Promise<void> {
  await site.image('of the group itself.tif');
  await site.image('../write/of another group.tif');
  await writeFile(join(site.storage, 'of nobody.txt'), 'untouched');
}

test.each([
  ['beside the runs in one database', { withRuns: true }, orders],
  ['in a database of their own', { withRuns: false }, Math.ceil(orders * 0.4)],
])(
  `orders %s end once each under killing and pausing, and every image is there once (seed ${seed})`,
  async (where, options, count) => {
    site = await ImporterSite.open(options);
    for (const what of ['killed', 'paused', 'stopped', 'cut', 'started', 'most'] as const) counts[what] = 0;
    await addNeighbours();
    const plans = await plan(count);
    const before = await snapshotOf(site);
    const placed: PlacedOrder[] = [];
    for (const planned of plans.splice(0, count * 0.6)) placed.push(await place(planned));
    const wanted = 2 + Math.floor(random.next() * 3);
    for (let i = 0; i < wanted; i++) start();
    const deadline = Date.now() + 400_000;
    for (let round = 0; ; round++) {
      // The rest is placed while the importers work.
      for (const planned of plans.splice(0, 20)) placed.push(await place(planned));
      await sleep(400 + random.next() * 500);
      if (plans.length === 0 && (await openOrders()) === 0) break;
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

    expect(placed).toHaveLength(count);
    expect(await brokenInvariants(site, placed, before)).toEqual([]);

    // Nothing is left behind: no import session on record, no lease, no process.
    const { rows: sessions } = await site.database.pool.query('select order_uuid from bridge.import_sessions');
    expect(sessions).toEqual([]);
    const { rows: leases } = await site.database.pool.query(
      `select resource from bridge.leases where resource like 'order:%' and expires_at > clock_timestamp()`,
    );
    expect(leases).toEqual([]);
    process.stdout.write(
      `chaos with seed ${seed}, ${count} orders ${where}: ${counts.killed} killed, ${counts.paused} paused, ${counts.stopped} stopped, ${counts.cut} times cut off, ${counts.started} started, at most ${counts.most} at once\n`,
    );
    expect(counts.killed + counts.paused).toBeGreaterThan(count >= 500 ? 10 : 0);
  },
  500_000,
);

test('whatever does not hold would be noticed', async () => {
  site = await ImporterSite.open();
  await addNeighbours();
  const plans = await plan(10);
  const before = await snapshotOf(site);
  const placed: PlacedOrder[] = [];
  for (const planned of plans) placed.push(await place(planned));
  site.importer();
  for (const { uuid } of placed) await site.closed(uuid);
  await site.stop();
  const noticed = async (): Promise<string> => (await brokenInvariants(site, placed, before)).join('\n');
  expect(await noticed()).toBe('');

  const [first, second] = placed;
  const image = first?.good[0];
  if (!first || !second || image === undefined) throw new Error('nothing was placed');
  const { pool } = site.database;
  const breaks: [expected: RegExp, doIt: () => Promise<unknown>, undo: () => Promise<unknown>][] = [
    [
      /has 2 ends/,
      () =>
        pool.query(
          `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, files, description)
           select group_name, user_name, destination_id, destination_type, 'Import Failed', uuid, files, 'second'
           from imports where uuid = $1 limit 1`,
          [first.uuid],
        ),
      () => pool.query(`delete from imports where description = 'second'`),
    ],
    [
      /has 0 ends/,
      () =>
        pool.query(`update imports set stage = 'Import Stopped' where uuid = $1 and stage = 'Import Completed'`, [
          second.uuid,
        ]),
      () => pool.query(`update imports set stage = 'Import Completed' where stage = 'Import Stopped'`),
    ],
    [
      /says "all is well"/,
      () => pool.query(`update imports set description = 'all is well' where stage = 'Import Failed'`),
      () => Promise.resolve(),
    ],
    [
      /is said: imported, null/,
      () => pool.query(`update bridge.order_files set state = 'imported', error = null where path like '%-bad.tif'`),
      () => Promise.resolve(),
    ],
    [
      /does not verify: .*0-0\.tif/,
      () => appendFile(image, 'more'),
      async () => {
        const bytes = await readFile(image);
        await writeFile(image, bytes.subarray(0, -4));
      },
    ],
    [/of nobody\.txt was touched/, () => utimes(join(site.storage, 'of nobody.txt'), 1, 1), () => Promise.resolve()],
    [/left behind.* was touched/, () => writeFile(join(site.storage, 'left behind'), ''), () => Promise.resolve()],
  ];
  for (const [expected, doIt, undo] of breaks) {
    await doIt();
    expect(await noticed()).toMatch(expected);
    await undo();
  }

  // The same file a second time, as an importer would do that does not ask OMERO first.
  await pool.query(`delete from bridge.order_files`);
  const again = await site.order([image], await site.dataset());
  site.importer();
  await site.closed(again);
  expect(await noticed()).toMatch(/OMERO has .*0-0\.tif twice/);
}, 120_000);
