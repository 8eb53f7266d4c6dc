import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'csv-parse/sync';
import type pg from 'pg';
import { describedRoutes } from '../../src/docs/openapi-page.ts';
import { checkAnswer } from '../../src/http/testing/check-answer.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import type { RunView } from '../../src/runs/view.ts';
import { loadConfig } from '../../src/config/load.ts';
import { QuickStartFolder, type Started } from '../support/quick-start.ts';

// The whole main job, as `npm start` runs it, looked at from outside. A new seed each time; it is printed.
const seed = 1 + Math.floor(Math.random() * 1_000_000);
const folder = new QuickStartFolder({ fresh: true });
let started: Started;
let address = '';
let cookie = '';
let run: RunView;
let biomero: pg.Client;
let omero: pg.Client;

beforeAll(async () => {
  started = folder.start('--seed', String(seed));
  const url = await folder.until(started, async () => /(http:\/\/\S+)\/\?token=(\S+)/.exec(started.output()));
  address = url[1] ?? '';
  const signIn = await fetch(`${address}/?token=${url[2]}`, { redirect: 'manual' });
  cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  run = await folder.until(started, async () => {
    const { runs } = (await get('/api/runs')) as { runs: RunView[] };
    return runs[0]?.state === 'done' && ((await get(`/api/runs/${runs[0].id}`)) as RunView);
  });
  biomero = await folder.connect('biomero');
  omero = await folder.connect('omero');
}, 180_000);

afterAll(async () => {
  await biomero?.end();
  await omero?.end();
  await folder.remove();
});

async function get(path: string): Promise<unknown> {
  const response = await fetch(`${address}${path}`, { headers: { cookie } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await checkAnswer(describedRoutes(), 'GET', path, response);
  return response.json();
}

function tree(root: string, at = ''): string[] {
  return readdirSync(join(root, at), { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? [`${at}${e.name}/`, ...tree(root, `${at}${e.name}/`)] : [`${at}${e.name}`]))
    .sort();
}

test('the archive is the specified tree plus exactly manifest and provenance', () => {
  const archive = run.archive?.path ?? '';
  expect(archive).toMatch(new RegExp(`^${folder.path}/storage/demo/\\.analyzed/${run.id}/\\d{8}_\\d{6}$`));
  const job = run.jobId;
  expect(tree(archive)).toEqual(
    [
      `${job}_out.zip`,
      `${job}_out/`,
      `${job}_out/data/`,
      `${job}_out/data/out/`,
      `${job}_out/data/out/measurements.csv`,
      ...[1, 2, 3, 4].map((n) => `${job}_out/data/out/nuclei_0${n}_labels.ome.tif`),
      `${job}_out/metadata.csv`,
      'manifest-sha256.txt',
      `omero-${job}.log`,
      'ro-crate-metadata.json',
    ].sort(),
  );
  execFileSync('sha256sum', ['-c', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: archive });
  expect(tree(join(archive, '..'))).toEqual(
    tree(archive)
      .map((p) => `${archive.split('/').at(-1)}/${p}`)
      .concat(`${archive.split('/').at(-1)}/`)
      .sort(),
  );
});

test('the ledger holds one order with its stages, in BIOMERO’s own words', async () => {
  const { rows } = await biomero.query(
    `select stage, group_name, user_name, destination_type, destination_id, files, description from imports
     where uuid = $1 order by id`,
    [run.orders[0]?.uuid],
  );
  expect(rows.map((r) => r.stage)).toEqual(['Import Pending', 'Import Started', 'Import Completed']);
  for (const row of rows)
    expect(row).toMatchObject({
      group_name: 'demo',
      user_name: 'researcher',
      destination_type: 'Dataset',
      destination_id: String(run.destination?.id),
      description: null,
    });
  expect(JSON.parse(rows[0].files)).toEqual(
    [1, 2, 3, 4].map((n) => `${run.archive?.path}/${run.jobId}_out/data/out/nuclei_0${n}_labels.ome.tif`),
  );
});

test('every image exists once in OMERO, in the dataset, in the name of the user', async () => {
  const { rows } = await omero.query('select id::int, name, dataset_ids from omero_standin.images order by id');
  expect(rows).toHaveLength(8);
  const results = rows.filter((r) => r.dataset_ids.map(Number).includes(run.destination?.id));
  expect(results.map((r) => r.name)).toEqual([1, 2, 3, 4].map((n) => `nuclei_0${n}_labels.ome.tif`));
  expect(new Set(run.results.flatMap((r) => r.imageIds))).toEqual(new Set(results.map((r) => r.id)));
});

test('the managed repository holds only links, and they lead into the archive', () => {
  const repository = join(folder.path, 'omero', 'ManagedRepository');
  const files = tree(repository).filter((p) => !p.endsWith('/'));
  const targets = files.map((p) => {
    expect(lstatSync(join(repository, p)).isSymbolicLink()).toBe(true);
    return readlinkSync(join(repository, p));
  });
  expect(targets.filter((t) => t.startsWith(`${run.archive?.path}/`))).toHaveLength(4);
});

test('the annotations, read back through the gateway', async () => {
  const config = await loadConfig({ ...folder.environment() });
  const session = await OmeroSession.signIn(config.omero);
  try {
    const annotations = await session.mapAnnotations(
      'Image',
      run.results.flatMap((r) => r.imageIds),
    );
    expect(annotations).toHaveLength(16);
    const of = (ns: string): Map<string, string>[] =>
      annotations.filter((a) => a.ns === ns).map((a) => new Map(a.pairs));
    for (const pairs of of('biomero.import')) {
      expect(pairs.get('UUID')).toBe(run.orders[0]?.uuid);
      expect(pairs.get('csv_Workflow_ID')).toBe(run.id);
      expect(pairs.get('csv_Job_ID')).toBe(String(run.jobId));
      const job = `csv_Task_nuclei_Job_${run.jobId}_`;
      expect(pairs.get(`${job}Command`)).toMatch(/^sbatch .*nuclei\.sh/);
      expect(pairs.get(`${job}Env_DATA_PATH`)).toBeTruthy();
      const importTask = 'csv_Task_SLURM_Import_Results.py_';
      expect(pairs.get(`${importTask}Status`)).toBe('RETRIEVING');
      expect(JSON.parse(pairs.get(`${importTask}Input_Data`) ?? '')).toEqual({ IDs: [expect.any(Number)] });
      expect(pairs.get(`${importTask}Param_SLURM Job Id`)).toBe(String(run.jobId));
    }
    expect(of('biomero/workflow').map((p) => p.get('Workflow_ID'))).toEqual([run.id, run.id, run.id, run.id]);
    expect(of('biomero/workflow/task/nuclei')).toHaveLength(4);
    expect(of('biomero/workflow/task/nuclei/job').map((p) => p.get('Job_ID'))).toEqual(
      Array(4).fill(String(run.jobId)),
    );
    for (const pairs of of('biomero/workflow/task/nuclei/job')) {
      expect(pairs.get('Command')).toMatch(/^sbatch --parsable /);
      expect(pairs.get('Env_IMAGE_VERSION')).toBeTruthy();
    }
  } finally {
    await session.close();
  }
});

test('nuclei are counted within 2 % of the truth', () => {
  const truthFile = tree(join(folder.path, 'storage', 'demo')).find((p) => p.endsWith('.truth.json')) ?? '';
  const truth = JSON.parse(readFileSync(join(folder.path, 'storage', 'demo', truthFile), 'utf8')) as Record<
    string,
    number
  >;
  const real = Object.values(truth).reduce((sum, n) => sum + n, 0);
  const table = readFileSync(`${run.archive?.path}/${run.jobId}_out/data/out/measurements.csv`);
  const found = parse(table, { columns: true }).length;
  process.stdout.write(`seed ${seed}: found ${found} of ${real} nuclei\n`);
  expect(Math.abs(found - real)).toBeLessThanOrEqual(real * 0.02);
});

test('BIOMERO’s log and progress view tell the same', async () => {
  const { rows: statuses } = await biomero.query(
    `select convert_from(state, 'UTF8')::json ->> 'status' as status from workflowtracker_events
     where topic like '%StatusUpdated' and originator_id = $1 order by id`,
    [run.taskId],
  );
  const words = statuses.map((r) => r.status);
  expect(words.slice(words.indexOf('IMPORTING'))).toEqual(['IMPORTING', 'IMPORTED']);
  const { rows: view } = await biomero.query('select status, progress, name from biomero_workflow_progress_view');
  expect(view).toEqual([{ status: 'DONE', progress: '100%', name: 'nuclei' }]);
});

test('nobody without the token, or from another address, gets an answer', async () => {
  expect((await fetch(`${address}/api/runs`)).status).toBe(401);
  expect((await fetch(`${address}/?token=wrong`, { redirect: 'manual' })).headers.get('set-cookie')).toBeNull();
  // fetch does not let a caller set Host; curl does.
  const code = execFileSync('curl', [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-H',
    'Host: evil.example',
    '-H',
    `Cookie: ${cookie}`,
    `${address}/api/runs`,
  ]);
  expect(String(code)).toBe('421');
  const crossSite = await fetch(`${address}/api/session`, {
    method: 'POST',
    headers: { origin: 'http://evil.example' },
    body: '{}',
  });
  expect(crossSite.status).toBe(403);
});

test('what is read of a real run is as the API is described', async () => {
  const table = run.results.find((r) => r.kind === 'table');
  expect(table).toBeDefined();
  const path = encodeURIComponent(table?.path ?? '');
  for (const address of [
    '/api/session',
    '/api/sign-in',
    '/api/openapi.json',
    '/api/runs/counts',
    '/api/runs/names',
    `/api/runs/${run.id}/table?path=${path}&sort=0&order=descending`,
    `/api/runs/${run.id}/table/points?path=${path}&x=0&y=1`,
    '/api/admin/queue',
    '/api/admin/orders?show=all',
    `/api/admin/orders/${run.orders[0]?.uuid}`,
    '/api/admin/storage',
    '/api/admin/mappings',
    '/api/admin/folders',
    '/api/admin/audit',
  ])
    await get(address);
});

test('the log is served by byte offset, and /healthz answers', async () => {
  const whole = (await get(`/api/runs/${run.id}/log`)) as { text: string; size: number; complete: boolean };
  expect(whole.complete).toBe(true);
  expect(Buffer.byteLength(whole.text)).toBe(whole.size);
  const rest = (await get(`/api/runs/${run.id}/log?from=10`)) as { text: string };
  expect(rest.text).toBe(whole.text.slice(10));
  expect(await (await fetch(`${address}/healthz`)).json()).toMatchObject({ status: 'ok' });
});

test('an event stream begins with the snapshot', async () => {
  const stop = new AbortController();
  const response = await fetch(`${address}/api/runs/${run.id}/events`, { headers: { cookie }, signal: stop.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('\n\n')) text += (await reader?.read())?.value ?? '';
  stop.abort();
  expect(text).toMatch(/^event: run\n/);
  const snapshot = JSON.parse(/data: (.*)/.exec(text)?.[1] ?? '') as RunView;
  expect(snapshot).toMatchObject({ id: run.id, state: 'done' });
  // The worker may still have tidied up after the run was seen done.
  expect(snapshot.revision).toBeGreaterThanOrEqual(run.revision);
});

test('archives are verified, shown and recorded again from their folders by commands', async () => {
  const archive = run.archive?.path ?? '';
  const cli = (...args: string[]) => {
    const main = packageFile('dist', 'src', 'main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return { status, stdout };
  };
  const intact = cli('archive', 'verify', archive, join(folder.path, 'storage'));
  expect(intact.status).toBe(0);
  expect(intact.stdout).toMatch(/✓ .*\n    intact: 9 files, .*\n✓ .*\n    intact: 9 files, .*\n\n2 intact\.\n$/);

  const copy = join(folder.path, '..', 'copy');
  cpSync(archive, copy, { recursive: true });
  const label = `${run.jobId}_out/data/out/nuclei_01_labels.ome.tif`;
  const bytes = readFileSync(join(copy, label));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(join(copy, label), bytes);
  expect(cli('archive', 'verify', copy)).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(
      new RegExp(`1 difference;[^]*${label} has changed: .*; ${run.jobId}_out.zip still has it`),
    ),
  });
  rmSync(join(copy, `omero-${run.jobId}.log`));
  const { status, stdout } = cli('archive', 'verify', '--json', copy);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)[0].differences).toMatchObject([
    { kind: 'changed', path: label, inZip: `${run.jobId}_out.zip` },
    { kind: 'missing', path: `omero-${run.jobId}.log` },
  ]);
  rmSync(join(copy, 'manifest-sha256.txt'));
  expect(cli('archive', 'verify', copy).status).toBe(2);

  const here = ['--data', folder.path];
  expect(cli('archive', 'list', ...here).stdout).toContain(archive);
  expect(cli('archive', 'show', run.id.slice(0, 8), ...here).stdout).toContain(label);
  expect(cli('archive', 'rebuild', ...here)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^1 known already/),
  });
  await biomero.query('delete from bridge.runs where id = $1', [run.id]);
  expect(cli('archive', 'rebuild', ...here).stdout).toContain(`restored as run ${run.id}`);
  expect(cli('status', run.id, ...here).stdout).toContain('restored from the archive');
  expect(cli('storage', 'check', '--group', 'demo', ...here)).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('its marker is the one that was last seen'),
  });
});

test('`status` and `run` work beside it, and wrong settings are refused with a sentence', () => {
  const cli = (args: string[], env: Record<string, string> = {}): string =>
    execFileSync(process.execPath, [packageFile('dist', 'src', 'main.js'), ...args, '--data', folder.path], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...env },
    });
  expect(cli(['status'])).toContain(run.id.slice(0, 8));
  expect(JSON.parse(cli(['status', run.id.slice(0, 8), '--json']))).toMatchObject({ id: run.id, state: 'done' });
  const again = ['run', 'nuclei', '--dataset', String(run.input?.id), '--user', 'researcher', '--group', 'demo'];
  expect(() => cli(['run', 'nothing', ...again.slice(2)])).toThrow(/WORKFLOW_UNKNOWN/);
  expect(() => cli([...again.slice(0, -1), 'no-such-group'])).toThrow(/OMERO_GROUP_UNKNOWN/);
  expect(() => cli(again, { ...folder.environment(), IMPORTER_ENABLED: 'yes' })).toThrow(/IMPORTER_ENABLED/);
  expect(cli(again)).toMatch(/^[0-9a-f-]{36}\n$/);
});

test('a changed group mapping holds for the next run of a worker that goes on running', async () => {
  const cli = (...args: string[]): { status: number | null; stdout: string } =>
    spawnSync(process.execPath, [packageFile('dist', 'src', 'main.js'), ...args, '--data', folder.path], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '' },
    });
  const moved = join(folder.path, 'storage', 'Moved ü');
  expect(cli('mappings').stdout).toContain('No group is mapped');
  expect(cli('mappings', 'set', 'demo', 'Moved ü').status).toBe(1);
  mkdirSync(moved);
  if (process.getuid?.() === 0) chownSync(moved, 65_534, 65_534);
  expect(cli('mappings', 'set', 'demo', 'Moved ü')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(new RegExp(`^Results of group demo .* go to ${moved} from now on\\.`)),
  });
  expect(cli('mappings', 'list').stdout).toMatch(
    new RegExp(`^\\d+ +demo +${moved} +\\S+group-mappings\\.json +ok$`, 'm'),
  );
  const id = cli(
    'run',
    'nuclei',
    '--dataset',
    String(run.input?.id),
    '--user',
    'researcher',
    '--group',
    'demo',
  ).stdout.trim();
  const next = await folder.until(started, async () => {
    const view = (await get(`/api/runs/${id}`)) as RunView;
    return ['done', 'failed'].includes(view.state) && view;
  });
  expect(next).toMatchObject({ state: 'done', orders: [{ stage: 'Import Completed' }] });
  expect(next.archive?.path).toMatch(new RegExp(`^${moved}/\\.analyzed/${id}/`));
  expect(cli('mappings', 'remove', 'demo').stdout).toContain(join(folder.path, 'storage', 'demo'));
  expect(cli('mappings', 'remove', 'demo').status).toBe(1);
}, 180_000);

test('Ctrl-C ends everything it started', async () => {
  const postmaster = Number(
    readFileSync(join(folder.path, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
  );
  started.process.kill('SIGTERM');
  expect(await started.exit).toBe(0);
  expect(() => process.kill(postmaster, 0)).toThrow(/ESRCH/);
  await expect(fetch(`${address}/healthz`)).rejects.toThrow();
  const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((l) => l.includes(folder.path));
  expect(left).toEqual([]);
});
