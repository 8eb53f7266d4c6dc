import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type pg from 'pg';
import type { RunView } from '../../src/runs/view.ts';
import { imageFiles, writeFiles } from '../../src/zarr/testing.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

/*
 * Jobs whose results are not what they should be, through the whole product: what happens to the run, what a person is
 * told, and that nothing outside the staging folder was touched.
 */
const folder = new QuickStartFolder();
let started: Started;
let dataset = 0;
let biomero: pg.Client;
let omero: pg.Client;

/** Job scripts by workflow. Each finds its folders as every BIOMERO job does. */
const jobs: Record<string, string> = {
  crashing: 'echo about to fail; exit 3',
  numbers: 'echo a,b > "$DATA_PATH/data/out/measurements.csv"',
  linking: 'ln -s /etc/passwd "$DATA_PATH/data/out/result.tif"',
  empty: 'true',
  broken: 'cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"; echo no image > "$DATA_PATH/data/out/zz_broken.tif"',
  // It ends when the test says so, however slow that is.
  gated: `until [ -e "$DATA_PATH/go" ] || [ ! -d "$DATA_PATH" ]; do sleep 0.2; done
cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"`,
  endless: 'sleep 600',
  zarr: `cp -r "${folder.path}/zarr/." "$DATA_PATH/data/out/"`,
  plain: 'cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"',
};

beforeAll(async () => {
  await writeFiles(join(folder.path, 'zarr', 'cells.ome.zarr'), {
    ...imageFiles(),
    'labels/.zgroup': { zarr_format: 2 },
    'labels/.zattrs': { labels: ['nuclei', 'broken'] },
    ...imageFiles('labels/nuclei'),
    ...imageFiles('labels/broken', {}, { dtype: '<i8' }),
  });
  folder.addWorkflows(jobs);
  started = folder.start('--seed', '9');
  await folder.until(started, async () => started.output().includes('Nuclei found'));
  biomero = await folder.connect('biomero');
  omero = await folder.connect('omero');
  dataset = Number((await biomero.query('select input_id from bridge.runs')).rows[0].input_id);
}, 180_000);

afterAll(async () => {
  await biomero?.end();
  await omero?.end();
  await folder.remove();
});

const cli = (...args: string[]): string => folder.cli(...args);

function view(id: string): RunView {
  return JSON.parse(cli('status', id, '--json')) as RunView;
}

async function begin(workflow: string): Promise<string> {
  return cli('run', workflow, '--dataset', String(dataset), '--user', 'researcher', '--group', 'demo').trim();
}

async function ended(id: string): Promise<RunView> {
  await folder.until(started, async () => {
    const { rows } = await biomero.query('select ended_at from bridge.runs where id = $1', [id]);
    return rows[0]?.ended_at;
  });
  return view(id);
}

function waiting(id: string): Promise<RunView> {
  return seen(id, (run) => run.state === 'attention');
}

/** Waits for a view of a run. A command takes most of a core, so it is not asked for all the time. */
async function seen(id: string, is: (run: RunView) => boolean): Promise<RunView> {
  return folder.until(started, async () => {
    const run = view(id);
    if (is(run)) return run;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return null;
  });
}

function archivesOf(id: string): string[] {
  const parent = join(folder.path, 'storage', 'demo', '.analyzed', id);
  return existsSync(parent) ? readdirSync(parent).filter((name) => !name.startsWith('.')) : [];
}

/** The folder of a run's data on the cluster. */
function dataOf(workflow: string, id: string): string {
  return join(folder.path, 'cluster', 'home', 'my-scratch', 'data', `${workflow}_${id}`);
}

function remoteResults(workflow: string, id: string): string[] {
  return readdirSync(join(dataOf(workflow, id), 'data', 'out'));
}

test('a job that fails is named with its state and exit code', async () => {
  const id = await begin('crashing');
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'failed', status: 'FAILED', failure: { code: 'JOB_FAILED', step: 'follow' } });
  expect(run.failure?.message).toMatch(/Slurm job \d+ ended FAILED \(exit 3:0\)/);
  expect(archivesOf(id)).toEqual([]);
});

test('results without an image are archived, and that is all', async () => {
  const run = await ended(await begin('numbers'));
  expect(run).toMatchObject({ state: 'done', status: 'DONE', archiveSafe: true, orders: [] });
  expect(run.sentence).toMatch(/no image is among the results, so there is nothing to import/);
});

test('a link among the results ends the import, with the remote data kept', async () => {
  const id = await begin('linking');
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'failed', status: 'IMPORT_FAILED', failure: { step: 'archive' } });
  expect(run.failure?.message).toContain('result.tif');
  expect(run.failure?.safe).toMatch(/still on the cluster/);
  expect(archivesOf(id)).toEqual([]);
  expect(remoteResults('linking', id)).toEqual(['result.tif']);
  const { rows } = await biomero.query('select status from biomero_workflow_progress_view where workflow_id = $1', [
    id,
  ]);
  expect(rows).toEqual([{ status: 'IMPORT_FAILED' }]);
});

test('one file of five that is no image: four are imported, the fifth is named, and a retry doubles nothing', async () => {
  const id = await begin('broken');
  const run = await ended(id);
  expect(run).toMatchObject({
    state: 'failed',
    status: 'IMPORT_FAILED',
    archiveSafe: true,
    failure: { code: 'IMPORT_FAILED' },
  });
  expect(run.failure?.message).toMatch(/1 of 5 images could not be imported/);
  expect(run.results.filter((r) => r.import === 'imported')).toHaveLength(4);
  expect(run.results.find((r) => r.path.endsWith('zz_broken.tif'))).toMatchObject({ import: 'failed' });
  expect(run.orders[0]?.description).toMatch(/4 of 5 files/);

  cli('retry', id);
  const again = await seen(id, (run) => run.orders.length === 2 && run.state === 'failed');
  expect(again.orders.map((o) => o.stage)).toEqual(['Import Failed', 'Import Failed']);
  const { rows: second } = await biomero.query('select files from imports where uuid = $1 limit 1', [
    again.orders[1]?.uuid,
  ]);
  expect(JSON.parse(second[0].files)).toHaveLength(1);
  const { rows: images } = await omero.query('select 1 from omero_standin.images where $1 = any(dataset_ids)', [
    run.destination?.id,
  ]);
  expect(images).toHaveLength(4);
  const { rows: audit } = await biomero.query('select action from bridge.audit where run_id = $1', [id]);
  expect(audit).toEqual([{ action: 'retry' }]);
});

test('a group folder that is not writable is named with path and uid, before a job and after it', async () => {
  const analyzed = join(folder.path, 'storage', 'demo', '.analyzed');
  const root = process.getuid?.() === 0;
  const close = (): void => {
    if (root) chownSync(analyzed, 0, 0);
    chmodSync(analyzed, 0o555);
  };
  const open = (): void => {
    chmodSync(analyzed, 0o755);
    if (root) chownSync(analyzed, 65534, 65534);
  };
  const gated = await begin('gated');
  await seen(gated, (run) => run.jobId !== null);
  let plain: string;
  close();
  try {
    writeFileSync(join(dataOf('gated', gated), 'go'), '');
    const after = await waiting(gated);
    expect(after.sentence).toContain(analyzed);
    expect(after.sentence).toMatch(/uid:gid \d+:\d+/);
    expect(remoteResults('gated', gated)).toHaveLength(4);

    plain = await begin('plain');
    const before = await waiting(plain);
    expect(before).toMatchObject({ jobId: null });
    expect(before.sentence).toContain(analyzed);
    expect(before.sentence).toMatch(/has mode 555.*Give uid \d+ write access/);
  } finally {
    open();
  }
  for (const id of [gated, plain]) expect(await ended(id)).toMatchObject({ state: 'done', imagesFound: 4 });
});

test('while the storage is not the one that was adopted nothing is written, and the run goes on when it is back', async () => {
  const marker = join(folder.path, 'storage', '.biomero-bridge-storage.json');
  renameSync(marker, `${marker}.away`);
  let id: string;
  try {
    id = await begin('plain');
    const run = await waiting(id);
    expect(run).toMatchObject({ jobId: null });
    expect(run.sentence).toMatch(/not the one that was there.*Nothing was written.*storage adopt --replace/);
    expect(existsSync(join(folder.path, 'storage', 'demo', '.analyzed', id))).toBe(false);
  } finally {
    renameSync(`${marker}.away`, marker);
  }
  expect(await ended(id)).toMatchObject({ state: 'done', imagesFound: 4 });
});

test('a run that is given up ends its job, and has failed for every reader; what failed before can be given up too', async () => {
  const id = await begin('endless');
  await folder.until(started, async () => {
    const { rows } = await biomero.query('select job_state from bridge.runs where id = $1', [id]);
    return rows[0]?.job_state === 'RUNNING';
  });
  expect(cli('abandon', id, '--reason', 'wrong dataset', '--as', 'robin')).toContain('is given up');
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'given-up', status: 'FAILED', failure: { code: 'RUN_ABANDONED' } });
  expect(run.failure?.message).toBe('Given up by robin: wrong dataset');
  const states = execFileSync(
    join(folder.path, 'cluster', 'bin', 'sacct'),
    ['-X', '-n', '-o', 'State', '-j', String(run.jobId)],
    { encoding: 'utf8' },
  );
  expect(states).toMatch(/CANCELLED/);

  const failed = await begin('crashing');
  await ended(failed);
  cli('abandon', failed, '--reason', 'not worth it');
  await seen(failed, (run) => run.failure?.code === 'RUN_ABANDONED');
  const { rows } = await biomero.query<{ topic: string; n: number }>(
    `select topic, count(*)::int as n from workflowtracker_events where originator_id = $1 and topic like '%WorkflowFailed' group by 1`,
    [id],
  );
  expect(rows).toMatchObject([{ n: 1 }]);
  expect(view(failed).failure?.repeatable).toBe(false);
  expect(() => cli('retry', failed)).toThrow(/Given up by .*: not worth it/);

  const { rows: audit } = await biomero.query('select who, action, reason from bridge.audit where run_id = $1', [id]);
  expect(audit).toEqual([{ who: 'robin', action: 'abandon', reason: 'wrong dataset' }]);
}, 180_000);

test('an OME-Zarr is imported, and its labels by an order of their own: a broken one holds nothing else up', async () => {
  const run = await ended(await begin('zarr'));
  expect(run).toMatchObject({ state: 'failed', status: 'IMPORT_FAILED', failure: { code: 'IMPORT_FAILED' } });
  expect(run.orders.map((o) => o.stage)).toEqual(['Import Completed', 'Import Failed']);
  expect(run.failure?.message).toContain('its pixels are of type <i8');
  const images = run.results.filter((r) => r.kind === 'image');
  expect(images.map((r) => [r.path.replace(/^.*\/out\//, ''), r.import])).toEqual([
    ['cells.ome.zarr', 'imported'],
    ['cells.ome.zarr/labels/broken', 'failed'],
    ['cells.ome.zarr/labels/nuclei', 'imported'],
  ]);
  const ids = images.flatMap((r) => r.imageIds);
  const { rows } = await omero.query('select name from omero_standin.images where id = any($1) order by name', [ids]);
  expect(rows.map((r) => r.name)).toEqual(['cells', 'cells [nuclei]']);
});
