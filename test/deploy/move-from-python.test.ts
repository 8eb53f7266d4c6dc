import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { tiff } from '../../src/embedded/omero/import/tiff-for-tests.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { describeWithPart, hasExecutable } from '../support/optional-part.ts';
import { hasPythonImporter } from '../support/python-importer.ts';
import { PythonSite } from '../support/python-site.ts';
import { askPythonTracker, pythonTrackerIsInstalled } from '../support/python-tracker.ts';
import { pythonImportTask, pythonWorkflow, type PythonWorkflow } from '../support/python-workflow.ts';
import { slurmIsInstalled } from '../support/slurm-cluster.ts';
import { sshIsInstalled } from '../support/ssh-server.ts';

/*
 * The commands of docs/guides/move-from-python.md, typed as they stand there, on a database that BIOMERO's own code made.
 * The tests follow each other, as the steps of the guide do.
 */
const available =
  pythonTrackerIsInstalled && hasPythonImporter && slurmIsInstalled && sshIsInstalled && hasExecutable('psql');
const patience = 120_000;

/** The blocks of shell below each heading. */
async function blocksOf(page: string): Promise<Map<string, string>> {
  const text = await readFile(packageFile('docs', 'guides', page), 'utf8');
  const blocks = new Map<string, string>();
  for (const section of text.split(/^#{2,3} /m).slice(1)) {
    const typed = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '').join('');
    if (typed) blocks.set(section.slice(0, section.indexOf('\n')), typed);
  }
  return blocks;
}

describeWithPart('Python peers', available, 'moving from Python, and back', () => {
  let site: PythonSite;
  let blocks: Map<string, string>;
  let dataset = 0;
  const owner = { user: 0, group: 0 };
  const orders: Record<'waiting' | 'halfDone' | 'forgotten', string> = { waiting: '', halfDone: '', forgotten: '' };
  /** Its job has ended when the worker is replaced, and its import script will never run. */
  let orphan: PythonWorkflow;

  const database = (): PythonSite['cluster']['database'] => site.cluster.database;
  const typed = (heading: string): Promise<string> => site.type(`${bridge()}\n${blocks.get(heading) ?? 'exit 64'}`);
  const bridge = (): string => /^bridge\(\).*$/m.exec(blocks.get('Before') ?? '')?.[0] ?? 'exit 64';
  const command = (words: string): Promise<string> => site.type(`${bridge()}\nbridge ${words}`);

  async function viewOf(workflow: string): Promise<unknown> {
    const sql = 'select status, progress from biomero_workflow_progress_view where workflow_id = $1';
    return (await database().pool.query(sql, [workflow])).rows[0];
  }

  /**
   * An order of Python's producer that whatever importer runs has completed. The Python one closes, or never sees, what is
   * placed while it starts: then another is placed.
   */
  async function takenByPython(name: string): Promise<string> {
    for (let i = 0; i < 4; i++) {
      const uuid = site.order([`${name}-${i}.tif`], dataset);
      const end = site.cluster.until(() => site.closedAs(uuid), 45_000).catch(() => null);
      if ((await end) === 'Import Completed') return uuid;
    }
    throw new Error(site.log('biomero-importer'));
  }

  /** It runs, and it is the Python one: no stage is ours. */
  async function importedByPython(name: string): Promise<void> {
    const uuid = await takenByPython(name);
    const { rowCount } = await database().pool.query(
      `select from imports i join bridge.order_stages s on s.row_id = i.id where i.uuid = $1`,
      [uuid],
    );
    expect(rowCount).toBe(0);
  }

  /** Hands a job over as BIOMERO's script of ours does, with the token that the guide made. */
  async function handOver(made: PythonWorkflow, task: string): Promise<string> {
    const token = readFileSync(join(site.folder, 'biomero-bridge', 'token'), 'utf8').trim();
    const response = await fetch(`${site.web}/api/imports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ job: made.job, workflow: made.workflow, task, user: 'alice', group: 'annotate' }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(201);
    return (JSON.parse(text) as { run: string }).run;
  }

  const workflow = (name: string): Promise<PythonWorkflow> =>
    pythonWorkflow(
      site.cluster,
      site.transport,
      owner,
      { [name]: tiff([{ width: 4, height: 3 }]) },
      { listeners: true },
    );

  beforeAll(async () => {
    blocks = await blocksOf('move-from-python.md');
    site = await PythonSite.open((text) => process.env['TEST_LOG'] && process.stderr.write(text));
    dataset = await site.alice.createDataset('results', '');
    owner.user = (await site.admin.findUser('alice'))?.id ?? 0;
    owner.group = (await site.admin.findGroup('annotate'))?.id ?? 0;
    // Python makes its tables, imports, and is killed over an order of two files, of which it has imported one.
    await site.type('docker compose up -d biomero-importer');
    await site.cluster.until(async () => {
      const made = await database().pool.query(`select to_regclass('alembic_version_omeroadi') is not null as made`);
      return made.rows[0].made && (await database().pool.query('select from alembic_version_omeroadi')).rowCount;
    });
    await takenByPython('first');
    const done = site.order(['second.tif'], dataset);
    await site.completed(done);
    orders.halfDone = site.order(['one.tif', 'two.tif'], dataset);
    orders.waiting = site.order(['waits.tif'], dataset);
    await site.cluster.until(async () => (await site.imagesIn(dataset)).includes('one.tif'));
    await site.type('p=$(cat state/biomero-importer.pid); c=$(pgrep -P "$p" || true); kill -KILL $c "$p"');
    orders.forgotten = site.order(['forgotten.tif'], dataset);
    await database().pool.query(`update imports set "timestamp" = null where uuid = $1`, [orders.forgotten]);
    orphan = await workflow('mask.tif');
    // What another Python began its listeners pass over: that is how it is.
    expect(await viewOf(orphan.workflow)).toMatchObject({ status: 'INITIALIZING' });
    expect((await database().pool.query(`select to_regclass('bridge.runs') is null as absent`)).rows).toEqual([
      { absent: true },
    ]);
  }, 300_000);
  afterAll(() => site?.close(), 60_000);

  test(
    'before: what is open is seen, and nothing is altered',
    async () => {
      const shape = `select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'
      order by 1, ordinal_position`;
      const before = (await database().pool.query(shape)).rows;
      const rows = (await database().pool.query('select * from imports order by id')).rows;
      const out = await typed('Before');
      for (const uuid of Object.values(orders)) expect(out).toMatch(new RegExp(`^${uuid} `, 'm'));
      expect(out).toMatch(new RegExp(`^${orders.forgotten} +unknown `, 'm'));
      expect(out).toMatch(new RegExp(`${orphan.workflow} .* INITIALIZING `));
      expect((await database().pool.query(shape)).rows).toEqual(before);
      expect((await database().pool.query('select * from imports order by id')).rows).toEqual(rows);
      expect(await command(`orders cancel ${orders.forgotten} --reason "from last year"`)).toContain('is cancelled');
    },
    patience,
  );

  test(
    'to our importer: what waited and what was half done is imported, nothing twice',
    async () => {
      await typed('To our importer');
      expect(await site.completed(orders.waiting)).toEqual(['Pending', 'Started', 'Completed']);
      expect(await site.completed(orders.halfDone)).toEqual(['Pending', 'Started', 'Completed']);
      expect(await site.closedAs(orders.forgotten)).toBe('Import Failed');
      const next = site.order(['next.tif'], dataset);
      expect(await site.completed(next)).toEqual(['Pending', 'Started', 'Completed']);
      const names = await site.imagesIn(dataset);
      expect(names.filter((name) => !name.startsWith('first'))).toEqual([
        'next.tif',
        'one.tif',
        'second.tif',
        'two.tif',
        'waits.tif',
      ]);
      expect(await command('doctor --role importer --json').catch((error: Error) => error.message)).toMatch(
        /"id": ?"importers"[^}]*"outcome": ?"ok"/,
      );
    },
    patience,
  );

  test(
    'back to the Python importer: it finds nothing to close, and imports',
    async () => {
      const failed = `select count(*)::int as n from imports where stage = 'Import Failed'`;
      const before = (await database().pool.query(failed)).rows;
      await typed('Back to the Python importer');
      expect(site.started().at(-1)).toBe('biomero-importer services/biomero-importer');
      expect((await database().pool.query(failed)).rows).toEqual(before);
      await importedByPython('python-again');
    },
    patience,
  );

  test('to our worker: the Python importer imports what ours orders, and Python’s workflow goes on', async () => {
    await typed('To our worker');
    const copy = parse(readFileSync(join(site.folder, 'biomero-bridge.yml'), 'utf8'), { merge: true }) as {
      services: Record<string, { volumes?: string[] }>;
    };
    expect(Object.keys(copy.services)).toEqual(['bridge-worker', 'bridge-web', 'omeroserver', 'biomeroworker']);
    expect(site.started().slice(-2)).toEqual([
      'omeroserver services/omeroserver',
      'biomeroworker services/biomeroworker',
    ]);

    const run = (await command(`import ${orphan.job}`)).trim();
    expect(run).toBe(orphan.workflow);
    expect(await site.cluster.ended(run)).toMatchObject({ state: 'done', imagesFound: 1 });
    const made = await workflow('worker.tif');
    const task = pythonImportTask(database().url, made, true);
    const view = await site.cluster.ended(await handOver(made, task));
    expect(view).toMatchObject({ state: 'done', taskId: task, imagesFound: 1 });
    const { rowCount } = await database().pool.query(
      `select from imports i join bridge.order_links l on l.order_uuid = i.uuid and l.run_id = $1
       join bridge.order_stages s on s.row_id = i.id`,
      [view.id],
    );
    // Every stage is Python's.
    expect(rowCount).toBe(0);
    const { seen } = askPythonTracker(database().url, {
      listeners: true,
      commands: [
        ['complete_task', [{ uuid: task }, 'imported']],
        ['complete_workflow', [{ uuid: made.workflow }]],
      ],
      read: { workflow: made.workflow, tasks: [task] },
    });
    expect(seen.tasks[0]).toMatchObject({ status: 'IMPORTED', result_message: 'imported' });
  }, 240_000);

  test(
    'back to Python’s scripts: no run of ours is left open, and Python reads all of them',
    async () => {
      await typed("Back to Python's scripts");
      expect(site.started().slice(-2)).toEqual([
        'omeroserver services/omeroserver',
        'biomeroworker services/biomeroworker',
      ]);
      const made = await workflow('python-only.tif');
      const { seen } = askPythonTracker(database().url, {
        listeners: true,
        commands: [['complete_workflow', [{ uuid: made.workflow }]]],
        read: { workflow: orphan.workflow, tasks: [(await site.cluster.view(orphan.workflow)).taskId] },
      });
      expect(seen.tasks[0]).toMatchObject({ task_name: 'SLURM_Import_Results.py', status: 'IMPORTED' });
      await importedByPython('between');
    },
    patience,
  );

  test('to both of ours, and back: all is imported, and Python finds its database as it was', async () => {
    const addOn = /^echo 'COMPOSE_FILE=.*$/m.exec(blocks.get('Before') ?? '')?.[0] ?? 'exit 64';
    await site.type(addOn);
    await typed('To both of ours');
    const made = await workflow('both.tif');
    const task = pythonImportTask(database().url, made, true);
    expect(await site.cluster.ended(await handOver(made, task))).toMatchObject({ state: 'done', imagesFound: 1 });
    await typed("Back to both of Python's");
    expect(site.started().slice(-3)).toEqual(
      ['omeroserver', 'biomeroworker', 'biomero-importer'].map((name) => `${name} services/${name}`),
    );
    await importedByPython('at-last');
    // A dashboard that missed what no Python followed gets it from the log, and Python writes on.
    expect(await viewOf(orphan.workflow)).toMatchObject({ status: 'INITIALIZING' });
    await site.type(`${addOn}\n${bridge()}\nBIOMERO_BRIDGE_VIEWS=ours bridge views rebuild`);
    expect(await viewOf(orphan.workflow)).toEqual({ status: 'DONE', progress: '100%' });
    const last = await workflow('last.tif');
    expect(await viewOf(last.workflow)).toMatchObject({ status: 'INITIALIZING' });
  }, 240_000);
});
