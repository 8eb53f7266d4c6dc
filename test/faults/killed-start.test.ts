import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type pg from 'pg';
import { QuickStartFolder } from '../support/quick-start.ts';

/*
 * The real `start` process is killed from outside, with SIGKILL, as soon as each durable transition of a run is seen.
 * The next start must finish that run. Each round adds a run of its own (another seed) to what the rounds before left in
 * the same data folder. Upload orders share the runs' database in every other round, and have their own in the rest.
 */
const folders = [new QuickStartFolder(), new QuickStartFolder({ ordersDatabase: 'ledger' })] as const;
afterAll(async () => {
  for (const folder of folders) await folder.remove();
});

/** The runs that have been finished after a kill. */
const finished: { folder: QuickStartFolder; id: string }[] = [];

interface Databases {
  biomero: pg.Client;
  orders: pg.Client;
  omero: pg.Client;
}

type Look = (run: Record<string, unknown>, databases: Databases) => Promise<boolean> | boolean;

const some = async (client: pg.Client, sql: string, values: unknown[]): Promise<boolean> =>
  ((await client.query(sql, values)).rowCount ?? 0) > 0;
const stage =
  (name: string): Look =>
  (run, { orders }) =>
    some(
      orders,
      `select 1 from imports i join bridge.order_links l on l.order_uuid = i.uuid where l.task_id = $1 and i.stage = $2`,
      [run['task_id'], name],
    );

const transitions: [name: string, look: Look][] = [
  ['the run is stored', () => true],
  ['the job is submitted', (run) => run['job_id'] !== null],
  ['the job runs', (run) => run['job_state'] === 'RUNNING'],
  ['the job has ended', (run) => run['job_ended_at'] !== null],
  ['the archive’s place is chosen', (run) => run['archive_stamp'] !== null],
  [
    'the archive is being staged',
    (run) => {
      const parent = join(String(run['base_path']), '.analyzed', String(run['id']));
      return existsSync(parent) && readdirSync(parent).some((name) => name.endsWith('.partial'));
    },
  ],
  [
    'the archive has its final name',
    (run) => {
      const parent = join(String(run['base_path']), '.analyzed', String(run['id']));
      return existsSync(parent) && readdirSync(parent).some((name) => !name.startsWith('.'));
    },
  ],
  [
    'the archive is recorded',
    (run, { biomero }) => some(biomero, 'select 1 from bridge.archives where run_id = $1', [run['id']]),
  ],
  ['the destination exists', (run) => run['destination_id'] !== null],
  ['the order is placed', stage('Import Pending')],
  ['the import has begun', stage('Import Started')],
  [
    'the import’s session is stored',
    (run, { orders }) =>
      some(
        orders,
        'select 1 from bridge.import_sessions s join bridge.order_links l on l.order_uuid = s.order_uuid where l.task_id = $1',
        [run['task_id']],
      ),
  ],
  [
    'the first image is in OMERO',
    (run, { omero }) =>
      some(omero, 'select 1 from omero_standin.images where $1 = any(dataset_ids)', [run['destination_id']]),
  ],
  ['the import is reported', stage('Import Completed')],
  ['the images are confirmed', (run) => run['images_confirmed_at'] !== null],
  ['the images are annotated', (run) => run['annotated_at'] !== null],
];

test.each(transitions.map(([name, look], i) => [name, look, 100 + i, folders[i % 2 === 0 ? 0 : 1]] as const))(
  'killed when %s, the next start finishes the run',
  async (_, look, seed, folder) => {
    const first = folder.start('--seed', String(seed));
    const before = await knownRuns(folder);
    await folder.until(first, async () => folder.environment() !== null && first.output().includes('Ready'));
    const databases = await connectAll(folder);
    try {
      const sql = 'select * from bridge.runs where not id = any($1::uuid[])';
      const reached = async (): Promise<string | null> => {
        const { rows } = await databases.biomero.query(sql, [before]);
        return rows[0] && (await look(rows[0], databases)) ? (rows[0].id as string) : null;
      };
      const id = await folder.until(first, reached, { everyMs: 5 });
      folder.killHolder();
      first.process.kill('SIGKILL');
      await first.exit;

      const second = folder.start('--seed', String(seed));
      await folder.until(second, async () => /^Status /m.test(second.output()));
      await check(folder, id, second.output());
      finished.push({ folder, id });
      second.process.kill('SIGTERM');
      expect(await second.exit).toBe(0);
    } finally {
      for (const client of Object.values(databases)) await client.end().catch(() => undefined);
    }
  },
  240_000,
);

test.each(folders)('after all of it, every run is there as it was finished', async (folder) => {
  const seed = 100 + folders.indexOf(folder);
  const once = folder.start('--seed', String(seed), '--once', '--time-limit', '100');
  expect(await once.exit, once.output()).toBe(0);
  const last = folder.start('--seed', String(seed));
  await folder.until(last, async () => last.output().includes('Ready'));
  const ids = finished.filter((run) => run.folder === folder).map((run) => run.id);
  expect(ids).toHaveLength(transitions.length / folders.length);
  for (const id of ids) await check(folder, id, last.output());
  last.process.kill('SIGTERM');
  expect(await last.exit).toBe(0);
});

/** Runs of the rounds before; none while there is no database yet. */
async function knownRuns(folder: QuickStartFolder): Promise<string[]> {
  if (!folder.environment()) return [];
  for (;;) {
    const client = await folder.connect('biomero').catch(() => null);
    if (!client) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    try {
      return (await client.query('select id from bridge.runs')).rows.map((r) => r.id as string);
    } finally {
      await client.end();
    }
  }
}

async function connectAll(folder: QuickStartFolder): Promise<Databases> {
  const [biomero, orders, omero] = [
    await folder.connect('biomero'),
    await folder.connect('orders'),
    await folder.connect('omero'),
  ];
  return { biomero, orders, omero };
}

/** Nothing twice, nothing half. */
async function check(folder: QuickStartFolder, id: string, output: string): Promise<void> {
  const { biomero, orders, omero } = await connectAll(folder);
  try {
    const { rows: runs } = await biomero.query('select * from bridge.runs where id = $1', [id]);
    expect(runs[0], output).toMatchObject({ outcome: 'done', status: 'DONE' });
    const { rows: archives } = await biomero.query('select path from bridge.archives where run_id = $1', [id]);
    expect(archives).toHaveLength(1);
    const path = archives[0].path as string;
    execFileSync('sha256sum', ['-c', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: path });
    expect(readdirSync(join(path, '..'))).toEqual([path.split('/').at(-1)]);

    const { rows: images } = await omero.query(
      'select name from omero_standin.images where $1 = any(dataset_ids) order by name',
      [runs[0].destination_id],
    );
    expect(images.map((r) => r.name)).toEqual([1, 2, 3, 4].map((n) => `nuclei_0${n}_labels.ome.tif`));
    const { rows: inputs } = await omero.query(
      'select name from omero_standin.images where $1 = any(dataset_ids) order by name',
      [runs[0].input_id],
    );
    expect(inputs.map((r) => r.name)).toEqual([1, 2, 3, 4].map((n) => `nuclei_0${n}.ome.tif`));

    const { rows: terminal } = await orders.query(
      `select i.stage from imports i join bridge.order_links l on l.order_uuid = i.uuid
       where l.task_id = $1 and i.stage in ('Import Completed', 'Import Failed')`,
      [runs[0].task_id],
    );
    expect(terminal).toEqual([{ stage: 'Import Completed' }]);
    const { rows: events } = await biomero.query(
      `select topic, count(*)::int as n from workflowtracker_events where originator_id = $1
       and topic like '%Completed' group by topic`,
      [runs[0].task_id],
    );
    expect(events.every((e) => e.n === 1)).toBe(true);
  } finally {
    for (const client of [biomero, orders, omero]) await client.end();
  }
}
