import { transaction, type Database, type Pool } from '../lib/database.ts';
import { decodeEvent, encodeEvent, topicOf, type TrackingEvent } from './events.ts';

/*
 * The table `workflowtracker_events`, exactly as BIOMERO makes, writes and reads it. Rows are never changed.
 *
 * Readers take `id` for the order of events, so ids must become visible in order: whoever appends holds the table's
 * exclusive lock from before the first id is drawn until commit. We hold it for one insert and one notify.
 */

/** An event of the log with its place. */
export interface LoggedEvent {
  readonly id: number;
  /** The workflow or task. */
  readonly originatorId: string;
  readonly version: number;
  /** Null for a topic that is not BIOMERO's. */
  readonly event: TrackingEvent | null;
}

/** Events to append to one workflow or task. */
export interface Append {
  readonly originatorId: string;
  /** Version of its last event that the decision was made on; -1 when there was none. */
  readonly after: number;
  readonly events: readonly TrackingEvent[];
}

/** Creates the table when there is none; where it is, no right to create is needed. */
export async function ensureEventLog(tx: Database): Promise<void> {
  if (await tableExists(tx, 'workflowtracker_events')) return;
  await tx.query(`create table workflowtracker_events (
    id bigserial not null,
    originator_id uuid not null,
    originator_version bigint not null,
    topic text not null,
    state bytea not null,
    primary key (id))`);
  await tx.query(`create unique index workflowtracker_events_aggregate_idx
    on workflowtracker_events (originator_id, originator_version)`);
}

/** True when a table of this name is reached without naming a schema, as BIOMERO does. */
export async function tableExists(db: Database, name: string): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>('select to_regclass($1) is not null as found', [name]);
  return rows[0]?.found ?? false;
}

/** All events of some workflows and tasks, in the order of the log. */
export async function readEvents(db: Database, originatorIds: readonly string[]): Promise<LoggedEvent[]> {
  const { rows } = await db.query<EventRow>(
    `select id, originator_id, originator_version, topic, state from workflowtracker_events
     where originator_id = any($1::uuid[]) order by id`,
    [originatorIds],
  );
  return rows.map((row) => ({
    id: row.id,
    originatorId: row.originator_id,
    version: row.originator_version,
    event: decodeEvent(row),
  }));
}

interface EventRow {
  id: number;
  originator_id: string;
  originator_version: number;
  topic: string;
  state: Buffer;
  [column: string]: unknown;
}

/** Ids of all workflows in the log, in the order they began. */
export async function readWorkflowIds(db: Database): Promise<string[]> {
  const { rows } = await db.query<{ originator_id: string }>(
    'select originator_id from workflowtracker_events where topic = $1 order by id',
    [topicOf('WorkflowInitiated')],
  );
  return [...new Set(rows.map((row) => row.originator_id))];
}

/** Id of the newest event; 0 for an empty log. */
export async function lastEventId(db: Database): Promise<number> {
  const { rows } = await db.query<{ id: number }>('select coalesce(max(id), 0) as id from workflowtracker_events');
  return rows[0]?.id ?? 0;
}

/** Ids of the workflows that have an event of their own or of one of their tasks after `from`, up to `to`. */
export async function workflowsWithEvents(db: Database, from: number, to: number): Promise<string[]> {
  const { rows } = await db.query<EventRow>(
    `select distinct on (originator_id) id, originator_id, originator_version, topic, state from workflowtracker_events
     where originator_version = 0 and originator_id in (
       select originator_id from workflowtracker_events where id > $1 and id <= $2)
     order by originator_id, id`,
    [from, to],
  );
  const found = new Set<string>();
  for (const row of rows) {
    const event = decodeEvent(row);
    if (event?.type === 'WorkflowInitiated') found.add(row.originator_id);
    if (event?.type === 'TaskCreated') found.add(event.workflow_id);
  }
  return [...found];
}

/** Id of the event that gave a task its latest claim to a Slurm job; null when it has none. */
export async function jobAddedAt(db: Database, taskId: string, jobId: number): Promise<number | null> {
  const events = await readEvents(db, [taskId]);
  const claims = events.filter(({ event }) => event?.type === 'JobIdAdded' && event.job_id === jobId);
  return claims.at(-1)?.id ?? null;
}

/**
 * Appends all or nothing, in the order given. False when somebody else appended to one of them since it was read: read
 * again, decide again. Waits at most `lockTimeoutMs` for the lock, then throws PostgreSQL's 55P03.
 */
export async function appendEvents(
  pool: Pool,
  appends: readonly Append[],
  options: { lockTimeoutMs?: number } = {},
): Promise<boolean> {
  const rows = appends.flatMap(({ originatorId, after, events }) =>
    events.map((event, i) => ({
      originatorId,
      version: after + 1 + i,
      topic: topicOf(event.type),
      // Encoded before the lock is taken: an event that cannot be written must not make others wait.
      state: Buffer.from(encodeEvent(event), 'utf8'),
    })),
  );
  if (!rows.length) return true;
  return transaction(pool, async (tx) => {
    await tx.query(`set local lock_timeout = ${Math.trunc(options.lockTimeoutMs ?? 2000)}`);
    await tx.query('lock table workflowtracker_events in exclusive mode');
    const { rowCount } = await tx.query(
      `insert into workflowtracker_events (originator_id, originator_version, topic, state)
       select e.* from unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[]) e
       where not exists (
         select from unnest($5::uuid[], $6::bigint[]) as expected (id, version)
         where expected.version <> coalesce(
           (select max(originator_version) from workflowtracker_events where originator_id = expected.id), -1))`,
      [
        rows.map((row) => row.originatorId),
        rows.map((row) => row.version),
        rows.map((row) => row.topic),
        rows.map((row) => row.state),
        appends.map((append) => append.originatorId),
        appends.map((append) => append.after),
      ],
    );
    if (!rowCount) return false;
    await tx.query('notify workflowtracker_events');
    return true;
  });
}
