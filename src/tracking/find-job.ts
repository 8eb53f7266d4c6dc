import type { Database } from '../lib/database.ts';
import { foldTask, foldWorkflow } from './aggregate.ts';
import { readEvents, tableExists } from './event-log.ts';
import { decodeEvent, topicOf } from './events.ts';

/** What BIOMERO's log says of a job. */
export interface TrackedJob {
  workflow: { id: string; name: string; user: number; group: number };
  taskIds: string[];
  /** The task that has the job; null when the log knows only the workflow. */
  task: { id: string; name: string; version: string; parameters: Record<string, unknown> } | null;
}

/** The workflow of this id, and in it the task that has the job; null when the log does not know the workflow. */
export async function trackedWorkflow(db: Database, workflowId: string, jobId: number): Promise<TrackedJob | null> {
  if (!(await tableExists(db, 'workflowtracker_events'))) return null;
  const events = (await readEvents(db, [workflowId])).map(({ event }) => event);
  const initiated = events.find((event) => event?.type === 'WorkflowInitiated');
  if (initiated?.type !== 'WorkflowInitiated') return null;
  const { name, user, group } = initiated;
  const taskIds = events.flatMap((event) => (event?.type === 'TaskAdded' ? [event.task_id] : []));
  let task: TrackedJob['task'] = null;
  for (const id of taskIds) {
    const own = (await readEvents(db, [id])).map(({ event }) => event);
    if (!own.some((event) => event?.type === 'JobIdAdded' && event.job_id === jobId)) continue;
    const created = own.find((event) => event?.type === 'TaskCreated');
    if (created?.type !== 'TaskCreated') continue;
    const parameters = typeof created.params === 'object' && created.params !== null ? created.params : {};
    task = {
      id,
      name: created.task_name,
      version: created.task_version,
      parameters: { ...parameters },
    };
  }
  return { workflow: { id: workflowId, name, user, group }, taskIds, task };
}

/** The workflow whose task claimed this job last; null when none did. Ids of jobs come again after years. */
export async function workflowOfJob(db: Database, jobId: number): Promise<string | null> {
  if (!(await tableExists(db, 'workflowtracker_events'))) return null;
  const { rows } = await db.query<{ id: number; originator_id: string; topic: string; state: Buffer }>(
    `select id, originator_id, topic, state from workflowtracker_events
     where topic = $1 and position(convert_to($2, 'UTF8') in state) > 0 order by id desc`,
    [topicOf('JobIdAdded'), String(jobId)],
  );
  for (const row of rows) {
    const event = decodeEvent(row);
    if (event?.type !== 'JobIdAdded' || event.job_id !== jobId) continue;
    const [created] = (await readEvents(db, [row.originator_id])).map(({ event: first }) => first);
    if (created?.type === 'TaskCreated') return created.workflow_id;
  }
  return null;
}

/**
 * The input ids that Python noted with a task (`{"IDs": […]}`), else with the first task of the workflow that has some. It
 * does not say what they are ids of.
 */
export async function loggedInputIds(db: Database, workflowId: string, taskId: string): Promise<number[]> {
  if (!(await tableExists(db, 'workflowtracker_events'))) return [];
  const taskIds = foldWorkflow(await readEvents(db, [workflowId]))?.taskIds ?? [];
  for (const id of [taskId, ...taskIds]) {
    const created = (await readEvents(db, [id])).map(({ event }) => event).find((e) => e?.type === 'TaskCreated');
    const input = created?.type === 'TaskCreated' ? created.input_data : null;
    const ids: unknown = typeof input === 'object' && input !== null && 'IDs' in input ? input.IDs : null;
    const numbers = Array.isArray(ids) ? ids.filter((n): n is number => Number.isSafeInteger(n) && n >= 0) : [];
    if (numbers.length) return numbers;
  }
  return [];
}

/** Ids of jobs of other tasks of the workflow that the log has not seen end: they may use the same data. */
export async function unfinishedJobsBeside(
  db: Database,
  workflowId: string,
  taskIds: readonly string[],
): Promise<number[]> {
  if (!(await tableExists(db, 'workflowtracker_events'))) return [];
  const events = await readEvents(db, [workflowId]);
  const others = (foldWorkflow(events)?.taskIds ?? []).filter((id) => !taskIds.includes(id));
  const jobs: number[] = [];
  for (const id of others) {
    const task = foldTask(await readEvents(db, [id]));
    if (task && task.end === null) jobs.push(...task.jobIds);
  }
  return jobs;
}
