import type { TrackingEvent } from './events.ts';

/*
 * What a workflow's and a task's events add up to. Pure. `version` is that of the last event; an aggregate without
 * events is null. Repeats are harmless: Python's retries may have written an event twice.
 */

export interface WorkflowState {
  readonly version: number;
  readonly name: string;
  readonly user: number;
  readonly group: number;
  readonly taskIds: readonly string[];
  readonly started: boolean;
  /** The last word so far; Python accepts another one after it. */
  readonly end: { readonly how: 'completed' | 'failed'; readonly message: string } | null;
}

export interface TaskState {
  readonly version: number;
  readonly workflowId: string;
  readonly name: string;
  readonly jobIds: readonly number[];
  readonly started: boolean;
  readonly status: string | null;
  /** Undefined until there was a first one. */
  readonly progress: string | null | undefined;
  readonly progressAt: Date | null;
  /** JSON of each result, in the order added. */
  readonly results: readonly string[];
  readonly end: { readonly how: 'completed' | 'failed'; readonly message: string } | null;
}

/** One stored event of an aggregate; null for an event of an unknown topic, which still counts as a version. */
export interface Versioned {
  readonly version: number;
  readonly event: TrackingEvent | null;
}

export function foldWorkflow(events: readonly Versioned[]): WorkflowState | null {
  let state: WorkflowState | null = null;
  for (const { version, event } of events) {
    if (event?.type === 'WorkflowInitiated') {
      const { name, user, group } = event;
      state ??= { version, name, user, group, taskIds: [], started: false, end: null };
    } else if (state && event) state = evolveWorkflow(state, event);
    if (state) state = { ...state, version };
  }
  return state;
}

export function foldTask(events: readonly Versioned[]): TaskState | null {
  let state: TaskState | null = null;
  for (const { version, event } of events) {
    if (event?.type === 'TaskCreated')
      state ??= {
        version,
        workflowId: event.workflow_id,
        name: event.task_name,
        jobIds: [],
        started: false,
        status: null,
        progress: undefined,
        progressAt: null,
        results: [],
        end: null,
      };
    else if (state && event) state = evolveTask(state, event);
    if (state) state = { ...state, version };
  }
  return state;
}

export function evolveWorkflow(state: WorkflowState, event: TrackingEvent): WorkflowState {
  switch (event.type) {
    case 'TaskAdded':
      return { ...state, taskIds: [...new Set([...state.taskIds, event.task_id])] };
    case 'WorkflowStarted':
      return { ...state, started: true };
    case 'WorkflowCompleted':
      return { ...state, end: { how: 'completed', message: '' } };
    case 'WorkflowFailed':
      return { ...state, end: { how: 'failed', message: event.error_message } };
    case 'WorkflowInitiated':
    case 'TaskCreated':
    case 'TaskStarted':
    case 'JobIdAdded':
    case 'StatusUpdated':
    case 'ProgressUpdated':
    case 'ResultAdded':
    case 'TaskCompleted':
    case 'TaskFailed':
      return state;
  }
}

export function evolveTask(state: TaskState, event: TrackingEvent): TaskState {
  switch (event.type) {
    case 'TaskStarted':
      return { ...state, started: true };
    case 'JobIdAdded':
      return { ...state, jobIds: [...new Set([...state.jobIds, event.job_id])] };
    case 'StatusUpdated':
      return { ...state, status: event.status };
    case 'ProgressUpdated':
      return { ...state, progress: event.progress, progressAt: event.at };
    case 'ResultAdded':
      return { ...state, results: [...state.results, JSON.stringify(event.result)] };
    case 'TaskCompleted':
      return { ...state, end: { how: 'completed', message: event.result } };
    case 'TaskFailed':
      return { ...state, end: { how: 'failed', message: event.error_message } };
    case 'TaskCreated':
    case 'WorkflowInitiated':
    case 'TaskAdded':
    case 'WorkflowStarted':
    case 'WorkflowCompleted':
    case 'WorkflowFailed':
      return state;
  }
}
