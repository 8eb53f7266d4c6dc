import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type pg from 'pg';
import { loadConfig } from '../../src/config/load.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

/*
 * The classic way, IMPORTER_ENABLED=false, in the real `start` process: results are fetched, uploaded and attached. It is
 * killed as soon as each durable transition is seen; the next start must finish the run, with nothing twice.
 */
const folder = new QuickStartFolder({ environment: { IMPORTER_ENABLED: 'false' } });
afterAll(() => folder.remove());

interface Databases {
  biomero: pg.Client;
  omero: pg.Client;
}
type Row = Record<string, unknown>;
type Look = (run: Row, databases: Databases) => Promise<boolean> | boolean;

const some = async (client: pg.Client, sql: string, values: unknown[]): Promise<boolean> =>
  ((await client.query(sql, values)).rowCount ?? 0) > 0;

const transitions: [name: string, look: Look][] = [
  [
    'the results are fetched',
    (run, { biomero }) => some(biomero, 'select from bridge.archives where run_id = $1 and not kept', [run['id']]),
  ],
  [
    'the first image is in OMERO',
    (run, { omero }) =>
      some(omero, 'select from omero_standin.images where $1 = any(dataset_ids)', [run['destination_id']]),
  ],
  [
    'the first file is attached',
    (run, { omero }) =>
      some(
        omero,
        `select from omero_standin.objects where class = 'DatasetAnnotationLink' and (data ->> 'parent')::bigint = $1`,
        [run['destination_id']],
      ),
  ],
  ['everything is attached', (run) => run['annotated_at'] !== null],
];

test.each(transitions.map(([name, look], i) => [name, look, 300 + i] as const))(
  'killed when %s, the next start finishes the run',
  async (_, look, seed) => {
    const first = folder.start('--seed', String(seed));
    await folder.until(first, async () => folder.environment() !== null && first.output().includes('Ready'));
    const before = await connectAll();
    const reached = async (): Promise<string | null> => {
      const { rows } = await before.biomero.query('select * from bridge.runs where ended_at is null');
      return rows[0] && (await look(rows[0], before)) ? (rows[0].id as string) : null;
    };
    const id = await folder.until(first, reached, { everyMs: 5 });
    folder.killHolder();
    first.process.kill('SIGKILL');
    await first.exit;
    await endAll(before);

    const second = folder.start('--seed', String(seed));
    await folder.until(second, async () => second.output().includes('Ready'));
    const databases = await connectAll();
    try {
      await folder.until(second, () =>
        some(databases.biomero, 'select from bridge.runs where id = $1 and ended_at is not null', [id]),
      );
      await check(databases, id);
    } finally {
      await endAll(databases);
      second.process.kill('SIGTERM');
    }
    expect(await second.exit).toBe(0);
  },
  120_000,
);

test('--once ends on DONE and says what came out', async () => {
  const started: Started = folder.start('--seed', '400', '--once', '--time-limit', '100');
  expect(await started.exit, started.output()).toBe(0);
  expect(started.output()).toMatch(/^Status +DONE: Fetched 9 of 9 files; 4 of 4 images are in dataset \d+\.$/m);
  for (const step of ['fetch', 'prepare', 'upload', 'attach'])
    expect(started.output()).toMatch(new RegExp(`^✓ ${step} `, 'm'));
  expect(started.output()).not.toMatch(/^Archive/m);
}, 120_000);

async function connectAll(): Promise<Databases> {
  return { biomero: await folder.connect('biomero'), omero: await folder.connect('omero') };
}

async function endAll(databases: Databases): Promise<void> {
  for (const client of Object.values(databases)) await client.end().catch(() => undefined);
}

/** Nothing twice, nothing half, nothing left behind. */
async function check({ biomero, omero }: Databases, id: string): Promise<void> {
  const { rows: runs } = await biomero.query('select * from bridge.runs where id = $1', [id]);
  const [run] = runs;
  expect(run).toMatchObject({ outcome: 'done', status: 'DONE', recipe: 'get-results', error_code: null });
  const { rows: images } = await omero.query(
    'select name from omero_standin.images where $1 = any(dataset_ids) order by name',
    [run.destination_id],
  );
  expect(images.map((row) => row.name)).toEqual([1, 2, 3, 4].map((n) => `nuclei_0${n}_labels.ome.tif`));

  const config = await loadConfig({ ...folder.environment() });
  const session = await OmeroSession.signIn(config.omero);
  try {
    const contents = await session.imagesIn(Number(run.destination_id));
    for (const file of await session.storedFilesOf(contents.map((image) => image.id)))
      // Its bytes are OMERO's own, which need no folder of ours.
      expect(lstatSync(join(await session.managedRepositoryPath(), file.path, file.name)).isFile()).toBe(true);
    const annotations = await session.mapAnnotations(
      'Image',
      contents.map((image) => image.id),
    );
    expect(annotations.map((a) => a.ns).sort()).toEqual(
      ['biomero/workflow', 'biomero/workflow/task/nuclei', 'biomero/workflow/task/nuclei/job'].flatMap((ns) =>
        Array<string>(4).fill(ns),
      ),
    );
    const attached = await session.attachedFiles('Dataset', [Number(run.destination_id)]);
    expect(attached.map((f) => f.name).sort()).toEqual(
      [`${run.job_id}_out.zip`, `metadata_${id}.csv`, `omero-${run.job_id}.log`].sort(),
    );
    const log = attached.find((f) => f.name.endsWith('.log'));
    const copy = join(await temporaryFolder('log'), 'log');
    await session.downloadFile(log?.fileId ?? 0, copy);
    expect(readFileSync(copy, 'utf8')).toMatch(/nuclei/);
  } finally {
    await session.close();
  }
  expect(
    (await biomero.query('select from bridge.import_sessions where order_uuid = $1', [run.task_id])).rowCount,
  ).toBe(0);
  const work = join(String(run.base_path), '.analyzed');
  expect(existsSync(work) ? readdirSync(work) : []).not.toContain(id);
  expect(existsSync(join(folder.path, 'storage', 'demo', '.analyzed'))).toBe(false);

  const { rows: statuses } = await biomero.query(
    `select convert_from(state, 'UTF8')::json ->> 'status' as status from workflowtracker_events
     where topic like '%StatusUpdated' and originator_id = $1 order by id`,
    [run.task_id],
  );
  expect(statuses.map((row) => row.status)).toEqual(['RETRIEVING', 'IMPORTING', 'IMPORTED']);
  const { rows: tasks } = await biomero.query(
    `select convert_from(state, 'UTF8')::json ->> 'task_name' as name from workflowtracker_events
     where topic like '%TaskCreated' and originator_id = $1`,
    [run.task_id],
  );
  expect(tasks).toEqual([{ name: 'SLURM_Get_Results.py' }]);
  const { rows: completed } = await biomero.query(
    `select count(*)::int as n from workflowtracker_events where originator_id = any($1::uuid[]) and topic like '%Completed'`,
    [[id, run.task_id, run.workflow_task_id]],
  );
  expect(completed).toEqual([{ n: 3 }]);
  expect(
    (
      await biomero.query(
        `select from imports i join bridge.order_links l on l.order_uuid = i.uuid where l.task_id = $1`,
        [run.task_id],
      )
    ).rowCount,
  ).toBe(0);
}
