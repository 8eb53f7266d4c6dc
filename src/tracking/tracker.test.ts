import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { appendEvents } from './event-log.ts';
import { Tracker } from './tracker.ts';
import { JsonText } from './transcoding.ts';

const config = {
  enabled: true,
  jobAccounting: true,
  jobProgress: true,
  workflowAnalytics: true,
  views: 'auto' as 'auto' | 'ours',
};
const workflowId = 'cca4dc41-0000-4000-8000-000000000001';
const taskId = '63c1e778-76ad-43b5-82fa-ef3a073fcbc9';

let db: TestDatabase;
let now: Date;
let tracker: Tracker;

beforeEach(async () => {
  db = await createTestDatabase();
  now = new Date('2026-11-23T06:16:33.662Z');
  tracker = new Tracker(db.pool, config, { now: () => now });
  await tracker.ensureTables();
});
afterEach(() => db.drop());

const workflow = { id: workflowId, name: 'SLURM_Run_Workflow.py', description: 'd', user: 2, group: 3 };
const task = { workflowId, taskId, name: 'cellpose', version: 'v1.2.7', inputData: 'x.zip', params: { diameter: 30 } };

async function log(): Promise<string[]> {
  const { rows } = await db.pool.query<{ line: string }>(
    `select concat_ws('|', id, left(originator_id::text, 8), originator_version, topic, convert_from(state, 'UTF8')) line
     from workflowtracker_events order by id`,
  );
  return rows.map((row) => row.line);
}

async function count(): Promise<number> {
  return (await log()).length;
}

/** Calls every command once. */
async function wholeRun(t: Tracker): Promise<void> {
  await t.initiateWorkflow(workflow);
  await t.startWorkflow(workflowId);
  await t.addTask(task);
  await t.startTask(taskId);
  await t.addJobId(taskId, 12345);
  await t.updateStatus(taskId, 'RUNNING');
  await t.updateProgress(taskId, '43%');
  await t.addResult(taskId, { command: 'sbatch x', env: { DATA_PATH: 'd' }, stdout: 'ok', stderr: '' });
  await t.completeTask(taskId, 'COMPLETED');
  await t.completeWorkflow(workflowId);
}

test('commands are read back; a task that the log does not know has none', async () => {
  await wholeRun(tracker);
  expect(await tracker.resultsOf(taskId)).toEqual([{ command: 'sbatch x', env: { DATA_PATH: 'd' } }]);
  expect(await tracker.resultsOf('00000000-0000-4000-8000-00000000dead')).toEqual([]);
});

test('the rows are those that BIOMERO writes', async () => {
  await wholeRun(tracker);
  const t = '{"timestamp":{"_type_":"datetime_iso","_data_":"2026-11-23T06:16:33.662000+00:00"}';
  const wf = 'biomero.eventsourcing:WorkflowRun';
  const ta = 'biomero.eventsourcing:Task';
  expect(await log()).toEqual([
    `1|cca4dc41|0|${wf}.WorkflowInitiated|${t},"originator_topic":"${wf}","name":"SLURM_Run_Workflow.py","description":"d","user":2,"group":3}`,
    `2|cca4dc41|1|${wf}.WorkflowStarted|${t}}`,
    `3|63c1e778|0|${ta}.TaskCreated|${t},"originator_topic":"${ta}","workflow_id":{"_type_":"uuid_hex","_data_":"cca4dc41000040008000000000000001"},"task_name":"cellpose","task_version":"v1.2.7","input_data":"x.zip","params":{"diameter":30}}`,
    `4|cca4dc41|2|${wf}.TaskAdded|${t},"task_id":{"_type_":"uuid_hex","_data_":"63c1e77876ad43b582faef3a073fcbc9"}}`,
    `5|63c1e778|1|${ta}.TaskStarted|${t}}`,
    `6|63c1e778|2|${ta}.JobIdAdded|${t},"job_id":12345}`,
    `7|63c1e778|3|${ta}.StatusUpdated|${t},"status":"RUNNING"}`,
    `8|63c1e778|4|${ta}.ProgressUpdated|${t},"progress":"43%"}`,
    `9|63c1e778|5|${ta}.ResultAdded|${t},"result":{"command":"sbatch x","env":{"DATA_PATH":"d"},"stdout":"ok","stderr":""}}`,
    `10|63c1e778|6|${ta}.TaskCompleted|${t},"result":"COMPLETED"}`,
    `11|cca4dc41|3|${wf}.WorkflowCompleted|${t}}`,
  ]);
});

test('the tables have BIOMERO’s columns', async () => {
  const { rows } = await db.pool.query<{ line: string }>(
    `select table_name || ': ' || string_agg(column_name || ' ' || data_type || case is_nullable when 'NO' then ' NN' else '' end
       || coalesce(' ' || column_default, ''), ', ' order by ordinal_position) as line
     from information_schema.columns where table_schema = 'public' group by table_name order by table_name`,
  );
  expect(rows.map((r) => r.line)).toEqual([
    "biomero_job_progress_view: slurm_job_id integer NN nextval('biomero_job_progress_view_slurm_job_id_seq'::regclass), status character varying NN, progress character varying",
    "biomero_job_view: slurm_job_id integer NN nextval('biomero_job_view_slurm_job_id_seq'::regclass), user integer NN, group integer NN, task_id uuid",
    'biomero_task_execution: task_id uuid NN, task_name character varying NN, task_version character varying, user_id integer, group_id integer, status character varying NN, start_time timestamp without time zone NN, end_time timestamp without time zone, error_type character varying',
    'biomero_workflow_progress_view: workflow_id uuid NN, status character varying, progress character varying, user integer, group integer, name character varying, task character varying, main_task_name character varying, start_time timestamp without time zone NN',
    "workflowtracker_events: id bigint NN nextval('workflowtracker_events_id_seq'::regclass), originator_id uuid NN, originator_version bigint NN, topic text NN, state bytea NN",
  ]);
});

test('repeating every command, in this process or another, adds no event', async () => {
  await wholeRun(tracker);
  const before = await count();
  await wholeRun(tracker);
  await wholeRun(new Tracker(db.pool, config));
  expect(await count()).toBe(before);
});

test('a retry after a failure is told, and a failure said twice is said once', async () => {
  await tracker.initiateWorkflow(workflow);
  await tracker.addTask(task);
  await tracker.failTask(taskId, 'no space');
  await tracker.failTask(taskId, 'no space');
  await tracker.failTask(taskId, 'no right');
  await tracker.completeTask(taskId, 'ok');
  await tracker.completeTask(taskId, 'ok again');
  expect((await log()).map((l) => /\.(\w+)\|/.exec(l)?.[1])).toEqual([
    'WorkflowInitiated',
    'TaskCreated',
    'TaskAdded',
    'TaskFailed',
    'TaskFailed',
    'TaskCompleted',
  ]);
});

test('progress is written at most every ten seconds and only when it changed', async () => {
  await tracker.initiateWorkflow(workflow);
  await tracker.addTask(task);
  const start = await count();
  const at = async (seconds: number, progress: string | null): Promise<number> => {
    now = new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));
    await tracker.updateProgress(taskId, progress);
    return (await count()) - start;
  };
  expect(await at(0, null)).toBe(0);
  expect(await at(0, '1%')).toBe(1);
  expect(await at(5, '2%')).toBe(1);
  expect(await at(10, '1%')).toBe(1);
  expect(await at(10, '3%')).toBe(2);
});

test('with tracking off nothing is touched', async () => {
  await db.pool.query('drop table workflowtracker_events');
  const off = new Tracker(db.pool, { ...config, enabled: false });
  await off.ensureTables();
  await wholeRun(off);
  const { rows } = await db.pool.query(`select to_regclass('workflowtracker_events') as t`);
  expect(rows).toEqual([{ t: null }]);
});

test('a run that the log does not know is left alone', async () => {
  await tracker.updateStatus(taskId, 'IMPORTING');
  await tracker.completeWorkflow(workflowId);
  await tracker.addTask(task);
  expect(await count()).toBe(0);
});

test('writers at the same time leave no gap, no double version, and ids in order of commit', async () => {
  await tracker.initiateWorkflow(workflow);
  await tracker.addTask(task);
  const others = [1, 2, 3].map(() => new Tracker(db.pool, config));
  await Promise.all(
    others.map(async (t, i) => {
      for (let n = 0; n < 15; n++) await t.addJobId(taskId, 1000 * i + n);
    }),
  );
  const { rows } = await db.pool.query<{ v: number; n: number; ordered: boolean }>(
    `select max(originator_version) as v, count(*) as n,
       array_agg(originator_version order by id) = array_agg(originator_version order by originator_version) as ordered
     from workflowtracker_events where originator_id = $1`,
    [taskId],
  );
  expect(rows[0]).toEqual({ v: 45, n: 46, ordered: true });
});

test('the same status from many at once is one event', async () => {
  await tracker.initiateWorkflow(workflow);
  await tracker.addTask(task);
  await Promise.all(Array.from({ length: 6 }, () => new Tracker(db.pool, config).updateStatus(taskId, 'IMPORTING')));
  expect((await log()).filter((l) => l.includes('StatusUpdated'))).toHaveLength(1);
});

test('an append on an old version adds nothing', async () => {
  await tracker.initiateWorkflow(workflow);
  const event = { type: 'WorkflowStarted', at: now } as const;
  expect(await appendEvents(db.pool, [{ originatorId: workflowId, after: -1, events: [event] }])).toBe(false);
  const both = [
    { originatorId: randomUUID(), after: -1, events: [event] },
    { originatorId: workflowId, after: 7, events: [event] },
  ];
  expect(await appendEvents(db.pool, both)).toBe(false);
  expect(await count()).toBe(1);
});

test('a writer that keeps the log locked delays us, and we notify when we wrote', async () => {
  await tracker.initiateWorkflow(workflow);
  const listener = new Client({ connectionString: db.url });
  await listener.connect();
  await listener.query('listen workflowtracker_events');
  const notified = new Promise((resolve) => listener.once('notification', resolve));
  const holder = new Client({ connectionString: db.url });
  await holder.connect();
  await holder.query('begin; lock table workflowtracker_events in exclusive mode');
  let done = false;
  const command = tracker.startWorkflow(workflowId).then(() => (done = true));
  await sleep(2600);
  expect(done).toBe(false);
  await holder.query('commit');
  await command;
  await notified;
  await Promise.all([holder.end(), listener.end()]);
  expect(await count()).toBe(2);
});

test('an unlocked log is not waited for: readers are never blocked', async () => {
  await tracker.initiateWorkflow(workflow);
  const holder = new Client({ connectionString: db.url });
  await holder.connect();
  await holder.query('begin; lock table workflowtracker_events in exclusive mode');
  await tracker.initiateWorkflow(workflow);
  await holder.end();
});

test('hostile texts arrive as they are', async () => {
  const name = `Robert'); drop table biomero_job_view;-- \0 \u202e \ud83d "\\ {{}}`;
  await tracker.initiateWorkflow({ ...workflow, name, description: name });
  await tracker.addTask({ ...task, name, version: name, inputData: { [name]: name }, params: { [name]: [name] } });
  await tracker.addJobId(taskId, 1);
  await tracker.updateStatus(taskId, name);
  await tracker.updateStatus(taskId, name);
  await tracker.failTask(taskId, name);
  await tracker.failTask(taskId, name);
  expect(await count()).toBe(6);
  const seen = name.replace('\0', '\ufffd').replace('\ud83d', '\ufffd');
  const { rows } = await db.pool.query<{ state: Buffer }>(
    `select state from workflowtracker_events where topic like '%TaskCreated'`,
  );
  expect(JSON.parse(rows[0]?.state.toString('utf8') ?? '')).toMatchObject({
    task_name: seen,
    params: { [seen]: [seen] },
  });
  const view = await db.pool.query('select status from biomero_task_execution');
  expect(view.rows).toEqual([{ status: seen }]);
});

test('parameters may be JSON text, kept to the letter; reserved names are refused', async () => {
  await tracker.initiateWorkflow(workflow);
  await tracker.addTask({ ...task, params: new JsonText('{"diameter":30.0}') });
  expect((await log())[1]).toContain('"params":{"diameter":30.0}}');
  await expect(
    tracker.addTask({ ...task, taskId: randomUUID(), params: { x: { _type_: 'a', _data_: 'b' } } }),
  ).rejects.toMatchObject({ code: 'TRACKING_VALUE_REFUSED' });
});

test('a task cannot be added to a second workflow', async () => {
  const second = randomUUID();
  await tracker.initiateWorkflow(workflow);
  await tracker.initiateWorkflow({ ...workflow, id: second });
  await tracker.addTask(task);
  await expect(tracker.addTask({ ...task, workflowId: second })).rejects.toMatchObject({
    code: 'TRACKING_TASK_ELSEWHERE',
  });
});
