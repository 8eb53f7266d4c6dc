import { stages, type Stage } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';

/** One row of an order's history. */
export interface StageRow {
  id: number;
  stage: string;
  /** Written by an importer of ours, or by a person through us. */
  ours: boolean;
}

/** Until the transaction ends nobody else of ours appends a stage to this order: it has one terminal row at most. */
export async function lockOrder(tx: Database, uuid: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_order'), hashtext($1))`, [uuid]);
}

/** The stages of an order other than pending, oldest first. */
export async function readStageRows(db: Database, uuid: string): Promise<StageRow[]> {
  const { rows } = await db.query<StageRow & Record<string, unknown>>(
    `select i.id, i.stage, s.row_id is not null as ours
     from imports i left join bridge.order_stages s on s.row_id = i.id
     where i.uuid = $1 and i.stage <> $2 order by i.id`,
    [uuid, stages.pending],
  );
  return rows;
}

/** Appends a stage, repeating what the order says, as every importer does, and marks the row as ours. */
export async function appendStage(
  db: Database,
  uuid: string,
  stage: Stage,
  more: { fileNames: string | null; description: string | null },
): Promise<void> {
  await db.query('select bridge.append_stage($1, $2, $3, $4)', [uuid, stage, more.fileNames, more.description]);
}

/** Keeps what a person did with an order. */
export async function insertOrderAudit(
  tx: Database,
  entry: { who: string; action: 'cancel' | 'retry'; uuid: string; reason: string | null },
): Promise<void> {
  await tx.query('insert into bridge.order_audit (who, action, order_uuid, reason) values ($1, $2, $3, $4)', [
    entry.who,
    entry.action,
    entry.uuid,
    entry.reason,
  ]);
}
