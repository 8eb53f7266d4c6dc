import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { foldTask, foldWorkflow } from '../../src/tracking/aggregate.ts';
import { readEvents } from '../../src/tracking/event-log.ts';
import { Tracker } from '../../src/tracking/tracker.ts';
import { JsonText } from '../../src/tracking/transcoding.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import {
  askPythonTracker,
  pythonTrackerIsInstalled,
  type Command,
  type Peer,
  type PeerRequest,
} from '../support/python-tracker.ts';

const config = {
  enabled: true,
  jobAccounting: true,
  jobProgress: true,
  workflowAnalytics: true,
  views: 'auto' as 'auto' | 'ours',
};
const result = { command: 'sbatch x', env: { DATA_PATH: 'd' }, stdout: 'Submitted batch job 7', stderr: '' };
const params = '{"diameter": 30.0, "channels": [1, 2], "name": "é"}';
let db: TestDatabase;
beforeEach(async () => (db = await createTestDatabase()));
afterEach(() => db.drop());

const byPython = (request: PeerRequest): Peer => askPythonTracker(db.url, request);

/** A run through all 13 event types, by us. */
async function ourRun(): Promise<{ workflow: string; analysis: string; imports: string; tracker: Tracker }> {
  const tracker = new Tracker(db.pool, config);
  const [workflow, analysis, imports] = [randomUUID(), randomUUID(), randomUUID()];
  await tracker.ensureTables();
  await tracker.initiateWorkflow({ id: workflow, name: 'wf', description: 'd', user: 2, group: 3 });
  await tracker.startWorkflow(workflow);
  const task = { workflowId: workflow, version: 'v1', inputData: 'in', params: new JsonText(params) };
  await tracker.addTask({ ...task, taskId: analysis, name: 'cellpose' });
  await tracker.startTask(analysis);
  await tracker.addJobId(analysis, 7);
  await tracker.addResult(analysis, result);
  await tracker.updateStatus(analysis, 'RUNNING');
  await tracker.updateProgress(analysis, '58%');
  await tracker.updateStatus(analysis, 'COMPLETED');
  await tracker.completeTask(analysis, 'ok');
  await tracker.addTask({ ...task, taskId: imports, name: 'SLURM_Import_Results.py' });
  await tracker.startTask(imports);
  await tracker.updateStatus(imports, 'IMPORTING');
  await tracker.updateStatus(imports, 'IMPORT_FAILED');
  await tracker.failTask(imports, 'no space');
  return { workflow, analysis, imports, tracker };
}

/** The same run, by BIOMERO's own tracker. */
const theirRun: Command[] = [
  ['initiate_workflow', ['wf', 'd', 2, 3]],
  ['start_workflow', [{ result: 0 }]],
  ['add_task_to_workflow', [{ result: 0 }, 'cellpose', 'v1', 'in', { json: params }]],
  ['start_task', [{ result: 2 }]],
  ['add_job_id', [{ result: 2 }, 7]],
  ['add_result', [{ result: 2 }, result]],
  ['update_task_status', [{ result: 2 }, 'RUNNING']],
  ['update_task_progress', [{ result: 2 }, '58%']],
  ['update_task_status', [{ result: 2 }, 'COMPLETED']],
  ['complete_task', [{ result: 2 }, 'ok']],
  ['add_task_to_workflow', [{ result: 0 }, 'SLURM_Import_Results.py', 'v1', 'in', { json: params }]],
  ['start_task', [{ result: 10 }]],
  ['update_task_status', [{ result: 10 }, 'IMPORTING']],
  ['update_task_status', [{ result: 10 }, 'IMPORT_FAILED']],
  ['fail_task', [{ result: 10 }, 'no space']],
];

/** Everything in the view tables, without times. */
async function viewRows(ids: Record<string, string>): Promise<unknown> {
  const tables = [
    'biomero_job_view',
    'biomero_job_progress_view',
    'biomero_workflow_progress_view',
    'biomero_task_execution',
  ];
  const named = (text: string): string =>
    Object.entries(ids).reduce((all, [id, name]) => all.replaceAll(id, name), text);
  const found: Record<string, string[]> = {};
  for (const table of tables) {
    const { rows } = await db.pool.query<Record<string, unknown>>(`select * from ${table}`);
    const timeless = rows.map((row) => ({ ...row, start_time: !!row['start_time'], end_time: !!row['end_time'] }));
    found[table] = timeless.map((row) => named(JSON.stringify(row))).sort();
  }
  return found;
}

/** The log without what differs from run to run: ids and times. */
async function logOf(ids: Record<string, string>): Promise<string[]> {
  const { rows } = await db.pool.query<{ line: string }>(
    `select concat_ws(' ', id, originator_id, originator_version, topic, convert_from(state, 'UTF8')::jsonb - 'timestamp') as line
     from workflowtracker_events order by id`,
  );
  return rows.map(({ line }) =>
    Object.entries(ids).reduce(
      (text, [id, name]) => text.replaceAll(id, name).replaceAll(id.replaceAll('-', ''), name),
      line,
    ),
  );
}

async function columns(): Promise<string[]> {
  const { rows } = await db.pool.query<{ line: string }>(
    `select concat_ws(' ', table_name, ordinal_position, column_name, data_type, is_nullable, column_default) as line
     from information_schema.columns where table_schema = 'public' and table_name ~ '^(workflowtracker_events|biomero_)'
     union all select indexdef from pg_indexes where schemaname = 'public' and tablename ~ '^(workflowtracker_events|biomero_)'
     order by 1`,
  );
  return rows.map((r) => r.line);
}

describeWithPart('Python peers', pythonTrackerIsInstalled, "BIOMERO's own tracker", () => {
  test('writes the same rows, in tables of the same shape, and fills the same views', async () => {
    const ours = await ourRun();
    const ourNames = { [ours.workflow]: 'W', [ours.analysis]: 'A', [ours.imports]: 'I' };
    const mine = { log: await logOf(ourNames), columns: await columns(), views: await viewRows(ourNames) };
    await db.drop();
    db = await createTestDatabase();
    const { results } = byPython({ listeners: true, commands: theirRun, read: { workflow: 0, tasks: [] } });
    const [w, a, i] = [results[0], results[2], results[10]].map(String);
    const theirNames = { [String(w)]: 'W', [String(a)]: 'A', [String(i)]: 'I' };
    expect(mine.columns).toEqual(await columns());
    expect(mine.log).toEqual(await logOf(theirNames));
    expect(mine.views).toEqual(await viewRows(theirNames));
  });

  test('reads a run that we wrote, and its parameters with their types', async () => {
    const { workflow, analysis, imports } = await ourRun();
    const { seen } = byPython({ read: { workflow, tasks: [analysis, imports] } });
    expect(seen.workflow[0]).toMatchObject({ version: 3, name: 'wf', user: 2, group: 3, tasks: [analysis, imports] });
    expect(seen.tasks[0]).toMatchObject({ task_name: 'cellpose', job_ids: [7], status: 'COMPLETED', progress: '58%' });
    expect(seen.tasks[0]?.['repr']).toBe("{'diameter': 30.0, 'channels': [1, 2], 'name': 'é'}");
    expect(seen.tasks[0]?.['results']).toEqual([result]);
    expect(seen.tasks[1]).toMatchObject({ status: 'IMPORT_FAILED', result_message: 'no space' });
  });

  test('continues a run that we wrote, and we go on after it', async () => {
    const { workflow, imports, tracker } = await ourRun();
    byPython({
      commands: [
        ['update_task_status', [{ uuid: imports }, 'IMPORTED']],
        ['add_task_to_workflow', [{ uuid: workflow }, 'extra', '1', {}, {}]],
      ],
      read: { workflow, tasks: [imports] },
    });
    await tracker.updateStatus(imports, 'IMPORTED');
    await tracker.completeTask(imports, 'ok');
    await tracker.completeWorkflow(workflow);
    const { seen } = byPython({ read: { workflow, tasks: [imports] } });
    expect(seen.workflow[0]?.['tasks']).toHaveLength(3);
    expect(seen.tasks[0]).toMatchObject({ version: 6, status: 'IMPORTED', result_message: 'ok' });
  });

  test('projects a run that we wrote to the rows that we wrote', async () => {
    const { workflow, analysis, imports, tracker } = await ourRun();
    await tracker.completeWorkflow(workflow);
    const mine = await viewRows({});
    for (const table of ['job_view', 'job_progress_view', 'workflow_progress_view', 'task_execution'])
      await db.pool.query(`delete from biomero_${table}`);
    byPython({ listeners: true, project: true, read: { workflow, tasks: [analysis, imports] } });
    expect(await viewRows({})).toEqual(mine);
    // From now on the listeners keep the views.
    await tracker.updateStatus(imports, 'IMPORTED');
    expect(await viewRows({})).toEqual(mine);
  });

  test('goes on with the views after us: where we moved its cursors nothing is read twice and nothing is missed', async () => {
    // Listeners that have worked here, and a run of Python's own.
    byPython({ listeners: true, commands: theirRun, read: { workflow: 0, tasks: [] } });
    const tracker = new Tracker(db.pool, { ...config, views: 'ours' });
    const [workflow, task] = [randomUUID(), randomUUID()];
    await tracker.initiateWorkflow({ id: workflow, name: 'ours', description: 'd', user: 5, group: 6 });
    const common = { version: '1', inputData: '', params: {} };
    await tracker.addTask({ workflowId: workflow, taskId: task, name: 'SLURM_Import_Results.py', ...common });
    await tracker.updateStatus(task, 'IMPORTING');
    const mine = await viewRows({});
    const { results } = byPython({
      listeners: true,
      commands: [['initiate_workflow', ['later', 'd', 7, 8]]],
      read: { workflow: 0, tasks: [] },
    });
    const after = (await viewRows({})) as Record<string, string[]>;
    const theirs = after['biomero_workflow_progress_view']?.filter((row) => row.includes(String(results[0])));
    expect(theirs).toHaveLength(1);
    expect(theirs?.[0]).toContain('"status":"INITIALIZING"');
    after['biomero_workflow_progress_view'] =
      after['biomero_workflow_progress_view']?.filter((row) => !row.includes(String(results[0]))) ?? [];
    expect(after).toEqual(mine);
  });

  test('is read by us: a run that Python wrote', async () => {
    const { results } = byPython({ commands: theirRun, read: { workflow: 0, tasks: [] } });
    const [w, a] = [String(results[0]), String(results[2])];
    const versioned = await readEvents(db.pool, [w]);
    expect(foldWorkflow(versioned)).toMatchObject({
      name: 'wf',
      user: 2,
      group: 3,
      taskIds: [a, results[10]],
      started: true,
    });
    expect(foldTask(await readEvents(db.pool, [a]))).toMatchObject({
      workflowId: w,
      jobIds: [7],
      status: 'COMPLETED',
      results: [JSON.stringify(result)],
      end: { how: 'completed', message: 'ok' },
    });
  });
});
