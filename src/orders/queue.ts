import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { rowTime } from './row-time.ts';

/** Where the upload orders of a group stand. */
export interface GroupQueue {
  group: string;
  /** Open orders that no importer has begun. */
  pending: number;
  /** Open orders that an importer has begun. */
  importing: number;
  oldestPendingAt: Date | null;
  /** Orders that ended within the last 24 hours. */
  completed: number;
  failed: number;
  /** Codes of the registry: what stopped imports that are tried again. */
  waitsFor: string[];
}

/** Every group with an open order or one that ended within 24 hours; the longest waiting first. */
export async function readQueue(db: Database): Promise<GroupQueue[]> {
  const { rows } = await db.query<GroupQueue & Record<string, unknown>>(
    `with open as (
       select p.uuid, p.group_name, min(${rowTime('p."timestamp"')}) as placed,
         exists (select from imports s where s.uuid = p.uuid and s.stage = any($2)) as started
       from imports p where p.stage = $1
         and not exists (select from imports t where t.uuid = p.uuid and t.stage = any($3)) group by p.uuid, p.group_name),
     queued as (
       select group_name, count(*) filter (where not started)::int as pending,
         count(*) filter (where started)::int as importing, min(placed) filter (where not started) as oldest,
         array_remove(array_agg(distinct case when a.order_uuid is not null then coalesce(a.code, 'UNEXPECTED') end), null)
           as codes
       from open left join bridge.order_attempts a on a.order_uuid = uuid group by group_name),
     closed as (
       select group_name, count(distinct uuid) filter (where stage = $4)::int as completed,
         count(distinct uuid) filter (where stage <> $4)::int as failed
       from imports where stage = any($3) and "timestamp" > clock_timestamp() - interval '1 day' group by group_name)
     select group_name as "group", coalesce(pending, 0) as pending, coalesce(importing, 0) as importing,
       oldest as "oldestPendingAt", coalesce(completed, 0) as completed, coalesce(failed, 0) as failed,
       coalesce(codes, '{}') as "waitsFor"
     from queued full join closed using (group_name)
     order by oldest asc nulls last, pending + importing desc nulls last, group_name`,
    [stages.pending, [stages.started, stages.preprocessing], [stages.completed, stages.failed], stages.completed],
  );
  return rows;
}
