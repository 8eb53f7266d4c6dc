import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { rowTime } from './row-time.ts';

/** An upload order in a list. */
export interface OrderSummary {
  uuid: string;
  group: string;
  user: string;
  destination: string;
  /** Its newest stage, or the one that closed it. */
  stage: string;
  description: string | null;
  /** null: its row tells no time that can be. */
  placedAt: Date | null;
  at: Date | null;
  files: number | null;
  /** Who imports it at this moment: host and process; null: nobody. */
  holder: { host: string; pid: number } | null;
  /** What holds it up, as a code of the registry. */
  waitsFor: string | null;
}

export interface OrderFilter {
  /** One of BIOMERO's stages, or all that are not closed. */
  stage: string | null;
  open: boolean;
  group: string | null;
  limit: number;
  /** Those that wait longest first. */
  oldestFirst?: boolean;
}

/** Upload orders, newest first unless asked otherwise. */
export async function listOrders(db: Database, filter: OrderFilter): Promise<OrderSummary[]> {
  const { rows } = await db.query<OrderSummary & { holder_text: string | null } & Record<string, unknown>>(
    `with placed as (
       select distinct on (uuid) id, uuid, left(group_name, 200) as group_name, left(user_name, 200) as user_name,
         left(destination_type, 80) || ' ' || left(destination_id, 80) as destination,
         ${rowTime('"timestamp"')} as at
       from imports p where stage = $1 and ($2::text is null or group_name = $2)
         and (not $5 or not exists (select from imports t where t.uuid = p.uuid and t.stage = any($3)))
         and ($4::text is null or $4 <> all($3) or uuid in (
           select uuid from imports c where c.stage = $4 and ($2::text is null or c.group_name = $2)
           order by c.id desc limit $6))
       order by uuid, id),
     standing as (
       select p.*, coalesce(t.stage, l.stage) as stage, coalesce(t.description, l.description) as description,
         case when t.stage is null then l.at else t.at end as stage_at
       from placed p
       left join lateral (select stage, description, ${rowTime('"timestamp"')} as at from imports i
         where i.uuid = p.uuid and i.stage = any($3) order by i.id limit 1) t on true
       left join lateral (select stage, description, ${rowTime('"timestamp"')} as at from imports i
         where i.uuid = p.uuid order by i.id desc limit 1) l on true)
     select s.uuid, s.group_name as "group", s.user_name as "user", s.destination, s.stage, s.description,
       s.at as "placedAt", s.stage_at as at,
       (select count(*)::int from bridge.order_files f where f.order_uuid = s.uuid) as files,
       l.holder as holder_text, a.code as "waitsFor"
     from standing s
     left join bridge.leases l on l.resource = 'order:' || s.uuid and l.expires_at > clock_timestamp()
     left join bridge.order_attempts a on a.order_uuid = s.uuid
     where ($4::text is null or s.stage = $4) and (not $5 or s.stage <> all($3))
     order by case when $7 then s.id else -s.id end limit $6`,
    [
      stages.pending,
      filter.group,
      [stages.completed, stages.failed],
      filter.stage,
      filter.open,
      filter.limit,
      filter.oldestFirst ?? false,
    ],
  );
  return rows.map(({ holder_text, ...row }) => ({ ...row, files: row.files || null, holder: holderOf(holder_text) }));
}

/** Whole uuids that begin with this text; several when the beginning is not unique. */
export async function findOrders(db: Database, start: string): Promise<string[]> {
  const { rows } = await db.query<{ uuid: string }>(
    'select distinct uuid from imports where starts_with(uuid, $1) order by uuid limit 10',
    [start],
  );
  return rows.some((r) => r.uuid === start) ? [start] : rows.map((r) => r.uuid);
}

/** The process that a lease names. */
export function holderOf(text: string | null): OrderSummary['holder'] {
  if (text === null) return null;
  try {
    const { host, pid } = JSON.parse(text) as { host?: unknown; pid?: unknown };
    return { host: String(host ?? '?'), pid: Number(pid ?? 0) };
  } catch {
    return { host: text.slice(0, 40), pid: 0 };
  }
}
