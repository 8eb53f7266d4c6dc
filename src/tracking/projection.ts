import { statuses } from '../domain/vocabulary.ts';
import type { LoggedEvent } from './event-log.ts';

/*
 * The rows of BIOMERO's four view tables for one workflow, computed from its events and its tasks' events in the order
 * of the log. Pure, so that a rebuild gives the same rows. The rules are those by which BIOMERO's listeners fill the
 * tables, dashboards depend on the words; unlike there, a task's user and group are known from its creation on.
 */

export interface ProgressRow {
  readonly workflowId: string;
  readonly status: string;
  readonly progress: string;
  readonly user: number;
  readonly group: number;
  readonly name: string;
  readonly task: string | null;
  readonly mainTaskName: string | null;
  readonly startTime: Date;
}

export interface JobRow {
  readonly jobId: number;
  readonly taskId: string;
  readonly user: number;
  readonly group: number;
  /** Id of the event that tied job and task; Slurm may give a job's id again years later. */
  readonly addedAt: number;
  /** Null before the first status or progress. */
  readonly status: string | null;
  readonly progress: string | null;
}

export interface TaskRow {
  readonly taskId: string;
  readonly name: string;
  readonly version: string;
  readonly user: number;
  readonly group: number;
  readonly status: string;
  readonly startTime: Date;
  readonly endTime: Date | null;
  readonly error: string | null;
}

export interface WorkflowRows {
  readonly progress: ProgressRow;
  readonly jobs: readonly JobRow[];
  readonly tasks: readonly TaskRow[];
}

interface TaskMemory {
  readonly row: Writable<Omit<TaskRow, 'user' | 'group'>>;
  added: boolean;
  jobId: number | null;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Rows of a workflow; null when the events do not begin one. */
export function projectWorkflow(workflowId: string, events: readonly LoggedEvent[]): WorkflowRows | null {
  let row: Writable<ProgressRow> | null = null;
  // What a listener remembers but writes only with the next change of status, progress or end.
  let current: string | null = null;
  let jobProgress: string | null = null;
  const tasks = new Map<string, TaskMemory>();
  const jobs = new Map<number, Writable<Omit<JobRow, 'user' | 'group'>>>();

  for (const { id, originatorId, event } of events) {
    if (!event) continue;
    const task = tasks.get(originatorId);
    const job = task?.jobId == null ? undefined : jobs.get(task.jobId);
    switch (event.type) {
      case 'WorkflowInitiated':
        row ??= {
          workflowId,
          status: statuses.initializing,
          progress: '0%',
          user: event.user,
          group: event.group,
          name: event.name,
          task: null,
          mainTaskName: null,
          startTime: event.at,
        };
        break;
      case 'TaskCreated':
        if (!task)
          tasks.set(originatorId, {
            row: {
              taskId: originatorId,
              name: event.task_name,
              version: event.task_version,
              status: 'CREATED',
              startTime: event.at,
              endTime: null,
              error: null,
            },
            added: false,
            jobId: null,
          });
        break;
      case 'TaskAdded': {
        const added = tasks.get(event.task_id);
        if (added) added.added = true;
        if (added) current = added.row.name;
        break;
      }
      case 'JobIdAdded':
        // BIOMERO notes -1 for a submission that failed.
        if (!task || !isJobId(event.job_id)) break;
        task.jobId = event.job_id;
        jobs.set(event.job_id, {
          jobId: event.job_id,
          taskId: originatorId,
          addedAt: id,
          status: null,
          progress: null,
        });
        break;
      case 'StatusUpdated':
        if (task) task.row.status = event.status;
        if (job) job.status = event.status;
        if (row && task?.added) Object.assign(row, workflowStatus(task.row.name, event.status, jobProgress));
        if (task?.added) write();
        break;
      case 'ProgressUpdated':
        if (job) job.progress = event.progress;
        if (job) job.status ??= 'UNKNOWN';
        if (task?.added) jobProgress = event.progress;
        if (task?.added) write();
        break;
      case 'TaskCompleted':
        if (task) task.row.endTime = event.at;
        break;
      case 'TaskFailed':
        if (task) Object.assign(task.row, { endTime: event.at, error: event.error_message });
        break;
      case 'WorkflowCompleted':
        if (row) Object.assign(row, { status: statuses.done, progress: '100%' });
        write();
        break;
      case 'WorkflowFailed':
        if (row) row.status = statuses.failed;
        write();
        break;
      case 'WorkflowStarted':
      case 'TaskStarted':
      case 'ResultAdded':
        break;
    }
  }
  if (!row) return null;
  const { user, group } = row;
  return {
    progress: row,
    jobs: [...jobs.values()].map((job) => ({ ...job, user, group })),
    tasks: [...tasks.values()].map((task) => ({ ...task.row, user, group })),
  };

  function write(): void {
    if (row) Object.assign(row, { task: current, mainTaskName: mainTask([...tasks.values()]) ?? current });
  }
}

/** The words and percentages by the name of the task whose status changed. */
export function workflowStatus(
  taskName: string,
  status: string,
  jobProgress: string | null,
): { status: string; progress: string } {
  const name = taskName.toLowerCase();
  if (name === '_slurm_image_transfer.py') return { status: statuses.transferring, progress: '5%' };
  if (name.startsWith('convert_')) return { status: 'CONVERTING', progress: '25%' };
  if (name === 'slurm_get_results.py') return { status: statuses.retrieving, progress: '90%' };
  if (name === 'slurm_import_results.py') return { status, progress: '90%' };
  if (name === 'slurm_run_workflow.py') return { status: statuses.running, progress: '50%' };
  return { status: `JOB_${status}`, progress: jobShare(jobProgress) };
}

/** A job's percentage within the 50 to 90 % that are the job's, with the text of a Python float. */
function jobShare(progress: string | null): string {
  const percent = /^%*\s*(\d{1,9})\s*%*$/.exec(progress ?? '')?.[1];
  if (percent === undefined) return '50%';
  const share = 50 + (Number(percent) / 100) * 40;
  return Number.isInteger(share) ? `${share}.0%` : `${share}%`;
}

/** The first task that is an analysis and no helper of BIOMERO's. */
function mainTask(tasks: readonly TaskMemory[]): string | null {
  return tasks.find((task) => task.added && !/^(?:_slurm_|slurm_|convert_)/i.test(task.row.name))?.row.name ?? null;
}

function isJobId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= 0x7fffffff;
}
