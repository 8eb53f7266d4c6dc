import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { workflowStatus } from './projection.ts';
import { Tracker } from './tracker.ts';
import { rebuildViews } from './views.ts';

const config = {
  enabled: true,
  jobAccounting: true,
  jobProgress: true,
  workflowAnalytics: true,
  views: 'auto' as 'auto' | 'ours',
};
const tables = [
  'biomero_job_view',
  'biomero_job_progress_view',
  'biomero_workflow_progress_view',
  'biomero_task_execution',
];

let db: TestDatabase;
let now: Date;
let tracker: Tracker;

beforeEach(async () => {
  db = await createTestDatabase();
  now = new Date('2026-11-23T06:00:00Z');
  tracker = new Tracker(db.pool, config, { now: () => (now = new Date(now.getTime() + 60_000)) });
  await tracker.ensureTables();
});
afterEach(() => db.drop());

async function rows(table: string): Promise<unknown[]> {
  return (await db.pool.query(`select * from ${table} order by 1`)).rows;
}

async function allRows(): Promise<unknown[][]> {
  return Promise.all(tables.map(rows));
}

async function lastEvent(): Promise<number> {
  const { rows: found } = await db.pool.query<{ id: number }>('select max(id)::int as id from workflowtracker_events');
  return found[0]?.id ?? 0;
}

async function begin(jobs: number[]): Promise<{ id: string; taskId: string }> {
  const [id, taskId] = [randomUUID(), randomUUID()];
  await tracker.initiateWorkflow({ id, name: 'wf', description: '', user: 2, group: 3 });
  await tracker.addTask({ workflowId: id, taskId, name: 'nuclei', version: '1', inputData: '', params: {} });
  for (const job of jobs) await tracker.addJobId(taskId, job);
  return { id, taskId };
}

async function importTask(workflowId: string): Promise<string> {
  const taskId = randomUUID();
  const task = { name: 'SLURM_Import_Results.py', version: '1', inputData: {}, params: {} };
  await tracker.addTask({ ...task, workflowId, taskId });
  return taskId;
}

async function progress(): Promise<string> {
  const { rows: found } = await db.pool.query<{ text: string }>(
    `select concat_ws(' ', status, progress, coalesce(task, '-'), coalesce(main_task_name, '-')) as text
     from biomero_workflow_progress_view`,
  );
  return found.map((r) => r.text).join('; ');
}

test('the progress row goes through BIOMERO’s words', async () => {
  const { id, taskId } = await begin([7]);
  expect(await progress()).toBe('INITIALIZING 0% - -');
  await tracker.updateStatus(taskId, 'PENDING');
  expect(await progress()).toBe('JOB_PENDING 50% nuclei nuclei');
  await tracker.updateProgress(taskId, '58%');
  expect(await progress()).toBe('JOB_PENDING 50% nuclei nuclei');
  await tracker.updateStatus(taskId, 'RUNNING');
  expect(await progress()).toBe('JOB_RUNNING 73.2% nuclei nuclei');
  const imports = await importTask(id);
  for (const status of ['IMPORTING', 'IMPORTED', 'IMPORT_FAILED']) {
    await tracker.updateStatus(imports, status);
    expect(await progress()).toBe(`${status} 90% SLURM_Import_Results.py nuclei`);
  }
  await tracker.completeWorkflow(id);
  expect(await progress()).toBe('DONE 100% SLURM_Import_Results.py nuclei');
});

test('a failed workflow keeps its percentage', async () => {
  const { id, taskId } = await begin([7]);
  await tracker.updateStatus(taskId, 'FAILED');
  await tracker.failWorkflow(id, 'x');
  expect(await progress()).toBe('FAILED 50% nuclei nuclei');
});

test('percentages have the text of Python’s floats', () => {
  const of = (p: string | null): string => workflowStatus('nuclei', 'RUNNING', p).progress;
  expect([of('43%'), of('100%'), of('0%'), of('7%'), of(null), of('n/a'), of('4.5%')]).toEqual([
    '67.2%',
    '90.0%',
    '50.0%',
    '52.8%',
    '50%',
    '50%',
    '50%',
  ]);
});

test('jobs, their progress and the tasks have rows', async () => {
  const { taskId } = await begin([7]);
  expect(await rows('biomero_job_view')).toEqual([{ slurm_job_id: 7, user: 2, group: 3, task_id: taskId }]);
  expect(await rows('biomero_job_progress_view')).toEqual([]);
  await tracker.updateProgress(taskId, '1%');
  expect(await rows('biomero_job_progress_view')).toEqual([{ slurm_job_id: 7, status: 'UNKNOWN', progress: '1%' }]);
  await tracker.updateStatus(taskId, 'RUNNING');
  await tracker.failTask(taskId, 'no space');
  expect(await rows('biomero_job_progress_view')).toEqual([{ slurm_job_id: 7, status: 'RUNNING', progress: '1%' }]);
  const { rows: tasks } = await db.pool.query(
    `select task_id, task_name, task_version, user_id, group_id, status, error_type,
       (start_time at time zone current_setting('TimeZone')) as began, (end_time at time zone current_setting('TimeZone')) as ended
     from biomero_task_execution`,
  );
  expect(tasks).toEqual([
    {
      task_id: taskId,
      task_name: 'nuclei',
      task_version: '1',
      user_id: 2,
      group_id: 3,
      status: 'RUNNING',
      error_type: 'no space',
      began: new Date('2026-11-23T06:02:00Z'),
      ended: now,
    },
  ]);
});

test('a rebuild gives the same rows, also where a job id came twice', async () => {
  const first = await begin([5, 6]);
  await tracker.updateStatus(first.taskId, 'RUNNING');
  await tracker.updateProgress(first.taskId, '10%');
  const second = await begin([6]);
  const third = await begin([9]);
  await tracker.updateStatus(third.taskId, 'FAILED');
  await tracker.updateStatus(first.taskId, 'COMPLETED');
  await tracker.addJobId(first.taskId, 9);
  await tracker.updateStatus(first.taskId, 'RUNNING');
  await tracker.updateStatus(third.taskId, 'CANCELLED');
  await tracker.failWorkflow(third.id, 'x');
  const imports = await importTask(first.id);
  await tracker.updateStatus(imports, 'IMPORTING');
  const before = await allRows();
  expect(before.map((r) => r.length)).toEqual([3, 1, 3, 4]);
  expect(before[0]).toMatchObject([{}, { slurm_job_id: 6, task_id: second.taskId }, { task_id: first.taskId }]);
  await db.pool.query(`update biomero_workflow_progress_view set status = 'WRONG'`);
  await db.pool.query('delete from biomero_task_execution');
  expect(await rebuildViews(db.pool, config)).toBe(3);
  expect(await allRows()).toEqual(before);
});

test('rows that a crash left behind are mended by the repeated command', async () => {
  const { taskId } = await begin([7]);
  await tracker.updateStatus(taskId, 'RUNNING');
  const before = await allRows();
  for (const table of tables) await db.pool.query(`delete from ${table}`);
  await new Tracker(db.pool, config).updateStatus(taskId, 'RUNNING');
  expect(await allRows()).toEqual(before);
});

test('writers at the same time leave the rows of the whole log', async () => {
  const { id, taskId } = await begin([7]);
  const imports = await importTask(id);
  await Promise.all([
    ...[1, 2, 3, 4, 5].map((n) => new Tracker(db.pool, config).updateStatus(imports, `S${n}`)),
    ...[1, 2, 3].map((n) => new Tracker(db.pool, config).updateStatus(taskId, `T${n}`)),
  ]);
  const before = await allRows();
  await rebuildViews(db.pool, config);
  expect(await allRows()).toEqual(before);
});

test('where a Python listener works no row is written, and its tables are left alone', async () => {
  await db.pool.query('create table workflowprogress_tracking (application_name varchar(32) primary key)');
  const { id, taskId } = await begin([7]);
  await tracker.updateStatus(taskId, 'RUNNING');
  await tracker.completeWorkflow(id);
  expect(await rebuildViews(db.pool, config)).toBeNull();
  expect(await allRows()).toEqual([[], [], [], []]);
});

const shapes = {
  'a row per event':
    'application_name varchar(32), notification_id bigint not null, primary key (application_name, notification_id)',
  'a row per application': 'application_name varchar(32) primary key, notification_id bigint',
};

for (const [shape, columns] of Object.entries(shapes))
  test(`views that are ours go together with all four cursors: ${shape}`, async () => {
    const listeners = ['jobaccounting', 'jobprogress', 'workflowprogress', 'workflowanalytics'];
    const foreign = await begin([3]);
    for (const listener of listeners) await db.pool.query(`create table ${listener}_tracking (${columns})`);
    await db.pool.query(`insert into jobprogress_tracking values ('WorkflowTracker', 2), ('Other', 99)`);
    await db.pool.query('delete from biomero_workflow_progress_view');
    const ours = { ...config, views: 'ours' as const };
    tracker = new Tracker(db.pool, ours, { now: () => now });
    const { id, taskId } = await begin([7]);
    await tracker.updateStatus(taskId, 'RUNNING');
    const last = await lastEvent();
    for (const listener of listeners) {
      const { rows: found } = await db.pool.query(
        `select max(notification_id)::int as at from ${listener}_tracking where application_name = 'WorkflowTracker'`,
      );
      expect(found, listener).toEqual([{ at: last }]);
    }
    // The run that no listener had read has its row too.
    const ids = (await rows('biomero_workflow_progress_view')).map((r) => (r as { workflow_id: string }).workflow_id);
    expect(ids.sort()).toEqual([id, foreign.id].sort());
    const before = await allRows();
    expect(await rebuildViews(db.pool, ours)).toBe(2);
    expect(await allRows()).toEqual(before);
    const { rows: other } = await db.pool.query(
      `select notification_id::int as at from jobprogress_tracking where application_name = 'Other'`,
    );
    expect(other).toEqual([{ at: 99 }]);
  });

test('a progress view from before the main task had a column is filled without it, and not altered', async () => {
  await db.pool.query('alter table biomero_workflow_progress_view drop column main_task_name');
  const { taskId } = await begin([7]);
  await tracker.updateStatus(taskId, 'RUNNING');
  expect(await rows('biomero_workflow_progress_view')).toMatchObject([{ status: 'JOB_RUNNING', task: 'nuclei' }]);
  expect(await rebuildViews(db.pool, config)).toBe(1);
  expect((await rows('biomero_workflow_progress_view'))[0]).not.toHaveProperty('main_task_name');
});

test('each switch of the ini leaves its tables empty', async () => {
  const with_ = async (off: Partial<typeof config>): Promise<number[]> => {
    await rebuildViews(db.pool, { ...config, ...off });
    return (await allRows()).map((r) => r.length);
  };
  const { taskId } = await begin([7]);
  await tracker.updateStatus(taskId, 'RUNNING');
  expect(await with_({})).toEqual([1, 1, 1, 1]);
  expect(await with_({ jobAccounting: false })).toEqual([0, 1, 1, 1]);
  expect(await with_({ jobProgress: false })).toEqual([1, 0, 0, 1]);
  expect(await with_({ workflowAnalytics: false })).toEqual([1, 1, 1, 0]);
});

test('a log that an encrypting writer filled is told, by event', async () => {
  const { id } = await begin([]);
  await db.pool.query(
    `insert into workflowtracker_events (originator_id, originator_version, topic, state)
     values ($1, 2, 'biomero.eventsourcing:WorkflowRun.WorkflowStarted', 'gAAAA')`,
    [id],
  );
  await expect(tracker.completeWorkflow(id)).rejects.toMatchObject({
    code: 'TRACKING_EVENT_UNREADABLE',
    message: expect.stringContaining('Event 4 '),
  });
});
