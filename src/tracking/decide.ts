import type { TaskState, WorkflowState } from './aggregate.ts';
import type { EventOf, TrackingEvent } from './events.ts';
import type { StateValue } from './transcoding.ts';

/*
 * Which events a command adds, given what the log already says: none when it would say nothing new. Pure.
 */

/** A log that follows every job closely grows without end, and every write of Python's reads it all. */
const progressEveryMs = 10_000;

export function initiate(
  state: WorkflowState | null,
  at: Date,
  workflow: Pick<EventOf<'WorkflowInitiated'>, 'name' | 'description' | 'user' | 'group'>,
): TrackingEvent[] {
  return state ? [] : [{ type: 'WorkflowInitiated', at, ...workflow }];
}

export function startWorkflow(state: WorkflowState, at: Date): TrackingEvent[] {
  return state.started ? [] : [{ type: 'WorkflowStarted', at }];
}

export function completeWorkflow(state: WorkflowState, at: Date): TrackingEvent[] {
  return state.end?.how === 'completed' ? [] : [{ type: 'WorkflowCompleted', at }];
}

export function failWorkflow(state: WorkflowState, at: Date, message: string): TrackingEvent[] {
  if (state.end?.how === 'failed' && state.end.message === message) return [];
  return [{ type: 'WorkflowFailed', at, error_message: message }];
}

export function startTask(state: TaskState, at: Date): TrackingEvent[] {
  return state.started ? [] : [{ type: 'TaskStarted', at }];
}

export function addJobId(state: TaskState, at: Date, jobId: number): TrackingEvent[] {
  return state.jobIds.includes(jobId) ? [] : [{ type: 'JobIdAdded', at, job_id: jobId }];
}

export function updateStatus(state: TaskState, at: Date, status: string): TrackingEvent[] {
  return state.status === status ? [] : [{ type: 'StatusUpdated', at, status }];
}

/** Null takes a progress back; at most one event in ten seconds, what comes between is dropped. */
export function updateProgress(state: TaskState, at: Date, progress: string | null): TrackingEvent[] {
  if ((state.progress ?? null) === progress) return [];
  const age = state.progressAt ? at.getTime() - state.progressAt.getTime() : progressEveryMs;
  return age >= 0 && age < progressEveryMs ? [] : [{ type: 'ProgressUpdated', at, progress }];
}

export function addResult(state: TaskState, at: Date, result: Readonly<Record<string, StateValue>>): TrackingEvent[] {
  return state.results.includes(JSON.stringify(result)) ? [] : [{ type: 'ResultAdded', at, result }];
}

/** After a failure a completion counts: the retry succeeded. */
export function completeTask(state: TaskState, at: Date, result: string): TrackingEvent[] {
  return state.end?.how === 'completed' ? [] : [{ type: 'TaskCompleted', at, result }];
}

export function failTask(state: TaskState, at: Date, message: string): TrackingEvent[] {
  if (state.end?.how === 'failed' && state.end.message === message) return [];
  return [{ type: 'TaskFailed', at, error_message: message }];
}
