import { afterAll, beforeAll, expect, test } from 'vitest';
import { tiff } from '../../src/embedded/omero/import/tiff-for-tests.ts';
import { importJob, type ImportJobContext, type ImportJobRequest } from '../../src/runs/import-job.ts';
import { ClusterSite } from '../support/cluster-site.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { askPythonTracker, pythonTrackerIsInstalled } from '../support/python-tracker.ts';
import { announcing, pythonImportTask, pythonWorkflow, type PythonWorkflow } from '../support/python-workflow.ts';
import { slurmIsInstalled } from '../support/slurm-cluster.ts';
import { sshIsInstalled } from '../support/ssh-server.ts';

/*
 * BIOMERO's own orchestrator runs the workflow and hands us its import task, as its script does: the real BIOMERO writes
 * the workflow, we bring the results of its job home, and it goes on from what we have told.
 */
const available = pythonTrackerIsInstalled && slurmIsInstalled && sshIsInstalled;

describeWithPart('Python peers', available, 'a run that Python orchestrates', () => {
  let site: ClusterSite;
  let context: ImportJobContext;

  beforeAll(async () => {
    site = await ClusterSite.open({ theirs: announcing });
    await site.start('worker', 'importer');
    context = site.importContext();
  }, 120_000);
  afterAll(() => site?.close(), 60_000);

  /** A workflow of Python's up to the moment in which its import script is called. */
  async function untilImport(results: Record<string, Buffer>): Promise<Handed> {
    const owner = { user: await idOf('findUser', 'alice'), group: await idOf('findGroup', 'annotate') };
    const made = await pythonWorkflow(site, context.transport, owner, results);
    return { ...made, task: pythonImportTask(site.database.url, made) };
  }

  interface Handed extends PythonWorkflow {
    task: string;
  }

  async function idOf(ask: 'findUser' | 'findGroup', name: string): Promise<number> {
    return (await (await context.omero.admin())[ask](name))?.id ?? -1;
  }

  const requestOf = (handed: Handed): ImportJobRequest => ({
    jobId: handed.job,
    workflowId: handed.workflow,
    pythonTaskId: handed.task,
    destination: null,
    delivery: null,
    userName: null,
    groupName: null,
    cleanup: false,
    ended: false,
  });

  async function newest(): Promise<number> {
    return (await site.database.pool.query('select coalesce(max(id), 0)::int as id from workflowtracker_events'))
      .rows[0].id;
  }

  /** What was written after event `since`, as `originator topic status`. */
  async function written(since: number, { workflow, analysis, task }: Handed): Promise<string[]> {
    const names: Record<string, string> = { [workflow]: 'workflow', [analysis]: 'analysis', [task]: 'import' };
    const { rows } = await site.database.pool.query<{ id: string; topic: string; status: string | null }>(
      `select originator_id::text as id, topic, convert_from(state, 'UTF8')::json ->> 'status' as status
       from workflowtracker_events where id > $1 order by id`,
      [since],
    );
    return rows.map((r) => [names[r.id] ?? r.id, r.topic.split('.').at(-1), r.status ?? ''].join(' ').trim());
  }

  test('gets only statuses of its import task from us, and Python completes it', async () => {
    const handed = await untilImport({ 'mask.tif': tiff([{ width: 4, height: 3 }]) });
    const since = await newest();
    expect(await importJob(context, requestOf(handed))).toBe(handed.workflow);
    // A script that lost the answer asks again.
    expect(await importJob(context, requestOf(handed))).toBe(handed.workflow);
    const view = await site.ended(handed.workflow);
    expect(view).toMatchObject({ state: 'done', taskId: handed.task, imagesFound: 1, parameters: { diameter: 3 } });
    expect(await written(since, handed)).toEqual(
      ['RETRIEVING', 'IMPORTING', 'IMPORTED'].map((status) => `import StatusUpdated ${status}`),
    );
    const { seen } = askPythonTracker(site.database.url, {
      listeners: true,
      project: true,
      commands: [
        ['complete_task', [{ uuid: handed.task }, 'imported']],
        ['complete_workflow', [{ uuid: handed.workflow }]],
      ],
      read: { workflow: handed.workflow, tasks: [handed.task] },
    });
    expect(seen.tasks[0]).toMatchObject({ status: 'IMPORTED', result_message: 'imported' });
    const { rows } = await site.database.pool.query(
      'select status, progress from biomero_workflow_progress_view where workflow_id = $1',
      [handed.workflow],
    );
    expect(rows).toEqual([{ status: 'DONE', progress: '100%' }]);

    // Somebody calls the script for the same job once more: another task, another run, another archive.
    const { results: added } = askPythonTracker(site.database.url, {
      commands: [
        ['add_task_to_workflow', [{ uuid: handed.workflow }, 'SLURM_Import_Results.py', '2.8.2', { IDs: [1] }, {}]],
        ['start_task', [{ result: 0 }]],
      ],
      read: { workflow: handed.workflow, tasks: [] },
    });
    const second = { ...handed, task: String(added[0]) };
    const before = await newest();
    const asked = await Promise.all([1, 2].map(() => importJob(context, requestOf(second))));
    expect(asked).toEqual([second.task, second.task]);
    const again = await site.ended(second.task);
    expect(again).toMatchObject({ state: 'done', taskId: second.task, imagesFound: 1 });
    expect(again.archive?.path).not.toBe(view.archive?.path);
    expect(again.archive?.path).toContain(`/.analyzed/${handed.workflow}/`);
    expect(await written(before, second)).toEqual(
      ['RETRIEVING', 'IMPORTING', 'IMPORTED'].map((status) => `import StatusUpdated ${status}`),
    );
  }, 120_000);

  test('a failed import is a status too; failing the task is left to Python', async () => {
    const handed = await untilImport({ 'broken.tif': Buffer.from('no image') });
    const since = await newest();
    await importJob(context, requestOf(handed));
    expect(await site.ended(handed.workflow)).toMatchObject({ state: 'failed', status: 'IMPORT_FAILED' });
    expect(await written(since, handed)).toEqual(
      ['RETRIEVING', 'IMPORTING', 'IMPORT_FAILED'].map((status) => `import StatusUpdated ${status}`),
    );
  }, 120_000);

  test('a task that the workflow does not have is refused', async () => {
    const handed = await untilImport({});
    const task = crypto.randomUUID();
    await expect(importJob(context, { ...requestOf(handed), pythonTaskId: task })).rejects.toMatchObject({
      code: 'TASK_NOT_TRACKED',
    });
  }, 180_000);
});
