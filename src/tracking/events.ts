import { bridgeError } from '../domain/errors.ts';
import { decodeState, encodeState, UuidValue, type StateValue } from './transcoding.ts';

/**
 * BIOMERO's 13 event types as data. Attribute names are those on disk; every event also has its time. `json` stands for
 * any value: Slurm tasks have a text as `input_data`, others an object.
 */
export const eventShapes = {
  WorkflowInitiated: { of: 'WorkflowRun', name: 'text', description: 'text', user: 'number', group: 'number' },
  TaskAdded: { of: 'WorkflowRun', task_id: 'uuid' },
  WorkflowStarted: { of: 'WorkflowRun' },
  WorkflowCompleted: { of: 'WorkflowRun' },
  WorkflowFailed: { of: 'WorkflowRun', error_message: 'text' },
  TaskCreated: {
    of: 'Task',
    workflow_id: 'uuid',
    task_name: 'text',
    task_version: 'text',
    input_data: 'json',
    params: 'json',
  },
  TaskStarted: { of: 'Task' },
  JobIdAdded: { of: 'Task', job_id: 'number' },
  StatusUpdated: { of: 'Task', status: 'text' },
  ProgressUpdated: { of: 'Task', progress: 'text?' },
  ResultAdded: { of: 'Task', result: 'json' },
  TaskCompleted: { of: 'Task', result: 'text' },
  TaskFailed: { of: 'Task', error_message: 'text' },
} as const;

type Shapes = typeof eventShapes;
export type EventType = keyof Shapes;

interface Kinds {
  text: string;
  'text?': string | null;
  number: number;
  uuid: string;
  json: unknown;
}

type Attributes<T extends EventType> = {
  readonly [A in Exclude<keyof Shapes[T], 'of'>]: Shapes[T][A] extends keyof Kinds ? Kinds[Shapes[T][A]] : never;
};

/** One event; `at` is its time. */
export type TrackingEvent = { [T in EventType]: { readonly type: T; readonly at: Date } & Attributes<T> }[EventType];
export type EventOf<T extends EventType> = Extract<TrackingEvent, { type: T }>;

const prefix = 'biomero.eventsourcing:';
/** The events that begin an aggregate also carry its class. */
const beginnings: ReadonlySet<EventType> = new Set<EventType>(['WorkflowInitiated', 'TaskCreated']);

export function topicOf(type: EventType): string {
  return `${prefix}${eventShapes[type].of}.${type}`;
}

/** The type of a topic; null for topics that BIOMERO does not have (yet). */
export function typeOfTopic(topic: string): EventType | null {
  const type = topic.slice(topic.lastIndexOf('.') + 1);
  return Object.hasOwn(eventShapes, type) && topicOf(type as EventType) === topic ? (type as EventType) : null;
}

/** An event as JSON text for `state`. */
export function encodeEvent(event: TrackingEvent): string {
  const state: Record<string, StateValue> = { timestamp: event.at };
  const shape = eventShapes[event.type];
  if (beginnings.has(event.type)) state['originator_topic'] = `${prefix}${shape.of}`;
  const attributes = event as unknown as Readonly<Record<string, StateValue>>;
  for (const [name, kind] of Object.entries(shape)) {
    if (name === 'of') continue;
    const value = attributes[name] ?? null;
    state[name] = kind === 'uuid' && typeof value === 'string' ? new UuidValue(value) : value;
  }
  return encodeState(state);
}

/**
 * A stored row as an event; null for a topic that is not BIOMERO's. Throws TRACKING_EVENT_UNREADABLE, naming the row,
 * when its state is not of the known form.
 */
export function decodeEvent(row: { id: number; topic: string; state: Buffer }): TrackingEvent | null {
  const type = typeOfTopic(row.topic);
  if (!type) return null;
  try {
    const state = decodeState(row.state);
    const at = state['timestamp'];
    if (!(at instanceof Date)) throw new Error('it has no timestamp');
    const event: Record<string, unknown> = { type, at };
    for (const [name, kind] of Object.entries(eventShapes[type]))
      if (name !== 'of') event[name] = checked(name, kind, state[name]);
    return event as unknown as TrackingEvent;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw bridgeError('TRACKING_EVENT_UNREADABLE', { event: row.id, reason }, { cause });
  }
}

function checked(name: string, kind: string, value: unknown): unknown {
  switch (kind) {
    case 'text':
      if (typeof value === 'string') return value;
      // BIOMERO passes what it is given: a result may be None, a version a number.
      if (value === null || value === undefined) return '';
      return JSON.stringify(value);
    case 'text?':
      return typeof value === 'string' ? value : null;
    case 'number': {
      const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number') throw new Error(`${name} is no number`);
      return number;
    }
    case 'uuid':
      if (typeof value !== 'string') throw new Error(`${name} is no uuid`);
      return value;
    default:
      return value ?? null;
  }
}
