import type { Database } from '../lib/database.ts';

/** Where an upload order stands: its newest row, and when it began. */
export interface OrderState {
  uuid: string;
  stage: string;
  description: string | null;
  at: Date;
  placedAt: Date;
  startedAt: Date | null;
}

/** By row id, not by time: rows of one transaction share their time. */
export async function readOrder(db: Database, uuid: string): Promise<OrderState | null> {
  const { rows } = await db.query<{ stage: string; description: string | null; at: Date | null }>(
    `select stage, description, "timestamp" as at from imports where uuid = $1 order by id`,
    [uuid],
  );
  const newest = rows.findLast((r) => r.stage === 'Import Completed' || r.stage === 'Import Failed') ?? rows.at(-1);
  if (!newest) return null;
  const first = rows[0]?.at ?? new Date(0);
  return {
    uuid,
    stage: newest.stage,
    description: newest.description,
    at: newest.at ?? first,
    placedAt: first,
    startedAt: rows.find((r) => r.stage === 'Import Started')?.at ?? null,
  };
}
