import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { rowTime } from '../orders/row-time.ts';

export interface OrderFigures {
  pending: number;
  started: number;
  oldestPendingSeconds: number;
  heldUp: { code: string; count: number }[];
  importers: { working: number; stopped: number };
}

/** Where the upload orders stand. */
export async function readOrderFigures(db: Database): Promise<OrderFigures> {
  const { rows } = await db.query<{ pending: number; started: number; oldest: number | null }>(
    `with open as (
       select p.uuid, min(${rowTime('p."timestamp"')}) as placed,
         exists (select from imports s where s.uuid = p.uuid and s.stage = any($2)) as started
       from imports p where p.stage = $1
         and not exists (select from imports t where t.uuid = p.uuid and t.stage = any($3)) group by p.uuid)
     select count(*) filter (where not started)::int as pending, count(*) filter (where started)::int as started,
       extract(epoch from clock_timestamp() - min(placed) filter (where not started))::float8 as oldest from open`,
    [stages.pending, [stages.started, stages.preprocessing], [stages.completed, stages.failed]],
  );
  const { rows: heldUp } = await db.query<{ code: string; count: number }>(
    `select coalesce(code, 'UNEXPECTED') as code, count(*)::int as count from bridge.order_attempts group by 1`,
  );
  const { rows: importers } = await db.query<{ working: number; stopped: number }>(
    `select count(*) filter (where not detail ? 'stopped')::int as working,
       count(*) filter (where detail ? 'stopped')::int as stopped
     from bridge.heartbeats where role = 'importer' and at > clock_timestamp() - interval '20 seconds'`,
  );
  return {
    pending: rows[0]?.pending ?? 0,
    started: rows[0]?.started ?? 0,
    oldestPendingSeconds: Math.max(0, rows[0]?.oldest ?? 0),
    heldUp,
    importers: importers[0] ?? { working: 0, stopped: 0 },
  };
}

export interface RunFigures {
  states: Record<'running' | 'attention' | 'failed' | 'done', number>;
  attention: { code: string; count: number }[];
}

/** Where the runs stand. */
export async function readRunFigures(db: Database): Promise<RunFigures> {
  const { rows } = await db.query<RunFigures['states'] & Record<string, unknown>>(
    `select count(*) filter (where ended_at is null and attention is null)::int as running,
       count(*) filter (where ended_at is null and attention is not null)::int as attention,
       count(*) filter (where outcome = 'failed')::int as failed, count(*) filter (where outcome = 'done')::int as done
     from bridge.runs where ended_at is null or ended_at > clock_timestamp() - interval '1 day'`,
  );
  const { rows: attention } = await db.query<{ code: string; count: number }>(
    `select attention as code, count(*)::int as count from bridge.runs
     where ended_at is null and attention is not null group by 1`,
  );
  return { states: rows[0] ?? { running: 0, attention: 0, failed: 0, done: 0 }, attention };
}
