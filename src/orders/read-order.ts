import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { rowTime } from './row-time.ts';

/** Where an upload order stands: its newest row, or the one that closed it. */
export interface OrderState {
  uuid: string;
  stage: string;
  description: string | null;
  at: Date;
  placedAt: Date;
  startedAt: Date | null;
  /** How many of its files have which result. All 0 until an importer of ours has begun. */
  files: { total: number; imported: number; failed: number };
  /** Why its import stopped and is tried again; null when nothing is in its way. */
  trouble: { code: string | null; reason: string; failures: number; nextAt: Date } | null;
}

/** By row id, not by time: rows of one transaction share their time. */
export async function readOrder(db: Database, uuid: string): Promise<OrderState | null> {
  const { rows } = await db.query<{ stage: string; description: string | null; at: Date | null }>(
    `select stage, description, ${rowTime('"timestamp"')} as at from imports where uuid = $1 order by id`,
    [uuid],
  );
  const newest = rows.findLast((r) => isTerminal(r.stage)) ?? rows.at(-1);
  if (!newest) return null;
  const first = rows[0]?.at ?? new Date(0);
  return {
    uuid,
    stage: newest.stage,
    description: newest.description,
    at: newest.at ?? first,
    placedAt: first,
    startedAt: rows.find((r) => r.stage === stages.started)?.at ?? null,
    files: await countFiles(db, uuid),
    trouble: isTerminal(newest.stage) ? null : await readTrouble(db, uuid),
  };
}

/** True for the stages that close an order. */
export function isTerminal(stage: string): boolean {
  return stage === stages.completed || stage === stages.failed;
}

async function countFiles(db: Database, uuid: string): Promise<OrderState['files']> {
  const { rows } = await db.query<OrderState['files'] & Record<string, unknown>>(
    `select count(*)::int as total, count(*) filter (where state in ('imported', 'already-there'))::int as imported,
       count(*) filter (where state = 'failed')::int as failed
     from bridge.order_files where order_uuid = $1`,
    [uuid],
  );
  return rows[0] ?? { total: 0, imported: 0, failed: 0 };
}

async function readTrouble(db: Database, uuid: string): Promise<OrderState['trouble']> {
  const { rows } = await db.query<{ code: string | null; reason: string; failures: number; next_at: Date }>(
    'select code, reason, failures, next_at from bridge.order_attempts where order_uuid = $1',
    [uuid],
  );
  const row = rows[0];
  return row ? { code: row.code, reason: row.reason, failures: row.failures, nextAt: row.next_at } : null;
}
