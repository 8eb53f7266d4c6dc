import type { Database } from '../lib/database.ts';
import { restoredFromArchive } from '../domain/vocabulary.ts';

export const ways = ['mail', 'webhook'] as const;
export type Way = (typeof ways)[number];

/** Something that happened to a run and is to be told. */
export interface Notification {
  id: string;
  runId: string;
  way: Way;
  state: 'done' | 'failed' | 'attention';
  /** How often it was tried, this time included. */
  attempts: number;
}

/** A notification in a list. */
export interface NotificationRow {
  id: string;
  run: string;
  way: Way;
  state: Notification['state'];
  madeAt: Date;
  sentAt: Date | null;
  givenUpAt: Date | null;
  attempts: number;
  problem: string | null;
}

/** So long a sender has for one notification before another may take it over. */
const claimSeconds = 300;
/** Later attempts come at most an hour apart; after these it is given up. */
const mostAttempts = 30;

/** Switches ways on; one that was off before starts now, and tells nothing that is past. */
export async function switchWays(db: Database, on: readonly Way[]): Promise<void> {
  await db.query('delete from bridge.notification_ways where way <> all($1::text[])', [on]);
  await db.query('insert into bridge.notification_ways (way) select unnest($1::text[]) on conflict (way) do nothing', [
    on,
  ]);
}

/**
 * Writes down what is to be told: a run that ended, and one that waits for somebody. A run that failed again after a
 * retry is told again; what a run waits for is told once per cause.
 */
export async function collectNotifications(db: Database): Promise<void> {
  await db.query(
    `insert into bridge.notifications (run_id, way, state, occasion)
     select r.id, w.way, coalesce(r.outcome, 'attention'),
       case when r.outcome is not null then r.outcome || ' ' || extract(epoch from t.at)::text
         else 'attention ' || r.attention end
     from bridge.runs r cross join bridge.notification_ways w
       cross join lateral (select case when r.outcome = 'failed' then coalesce(r.failed_at, r.ended_at) else r.ended_at end as at) t
     where r.updated_at >= w.since and (r.outcome is not null or r.attention is not null)
       and r.attention is distinct from $1
       and (r.outcome is null or t.at >= w.since)
     on conflict (run_id, way, occasion) do nothing`,
    [restoredFromArchive],
  );
}

/** Takes one notification that is due; nobody else gets it meanwhile. Null when there is none. */
export async function claimNotification(db: Database): Promise<Notification | null> {
  const { rows } = await db.query<{
    id: string;
    run_id: string;
    way: Way;
    state: Notification['state'];
    attempts: number;
  }>(
    `update bridge.notifications set attempts = attempts + 1, next_at = clock_timestamp() + make_interval(secs => $1)
     where id = (select n.id from bridge.notifications n join bridge.notification_ways w using (way)
       where n.sent_at is null and n.given_up_at is null and n.next_at <= clock_timestamp()
       order by n.next_at limit 1 for update of n skip locked)
     returning id, run_id, way, state, attempts`,
    [claimSeconds],
  );
  const [row] = rows;
  return row ? { id: row.id, runId: row.run_id, way: row.way, state: row.state, attempts: row.attempts } : null;
}

export async function markSent(db: Database, id: string): Promise<void> {
  await db.query('update bridge.notifications set sent_at = clock_timestamp(), problem = null where id = $1', [id]);
}

/** It is tried again later, each time later than before; `last`: never again. */
export async function markFailed(db: Database, sent: Notification, problem: string, last: boolean): Promise<void> {
  const seconds = Math.min(3_600, 15 * 2 ** Math.min(sent.attempts, 8));
  await db.query(
    `update bridge.notifications set problem = $2, next_at = clock_timestamp() + make_interval(secs => $3),
       given_up_at = case when $4 then clock_timestamp() end where id = $1`,
    [sent.id, problem.slice(0, 1_000), seconds, last || sent.attempts >= mostAttempts],
  );
}

/** The newest notifications, sent or not. */
export async function listNotifications(db: Database, limit: number): Promise<NotificationRow[]> {
  const { rows } = await db.query<NotificationRow & Record<string, unknown>>(
    `select id, run_id as run, way, state, made_at as "madeAt", sent_at as "sentAt", given_up_at as "givenUpAt", attempts,
       problem from bridge.notifications order by made_at desc limit $1`,
    [limit],
  );
  return rows;
}
