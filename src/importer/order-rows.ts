import { stages, type Stage } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';

/** A row of `imports`, as it stands: nothing in it is trusted before `parseOrder`. */
export interface OrderRow {
  id: number;
  uuid: string;
  group_name: string;
  user_name: string;
  destination_id: string;
  destination_type: string;
  stage: string;
  files: string;
  file_names: string | null;
  preprocessing_id: number | null;
}

const terminal = [stages.completed, stages.failed];

/**
 * Orders that no terminal row closes, one row each, oldest first. Every one of them is looked at each time: there is no
 * watermark that a row with a lower id, committed late, could slip under.
 */
export async function findOpenOrders(db: Database, limit: number): Promise<OrderRow[]> {
  const { rows } = await db.query<OrderRow & Record<string, unknown>>(
    `select distinct on (p.uuid) p.id, p.uuid, p.group_name, p.user_name, p.destination_id, p.destination_type, p.stage,
       p.files, p.file_names, p.preprocessing_id
     from imports p
     where p.stage = $1 and not exists (select 1 from imports t where t.uuid = p.uuid and t.stage = any($2))
     order by p.uuid, p.id limit $3`,
    [stages.pending, terminal, limit],
  );
  return rows.sort((a, b) => a.id - b.id);
}

/** All rows of an order, oldest first. */
export async function readOrderRows(db: Database, uuid: string): Promise<{ id: number; stage: string }[]> {
  const { rows } = await db.query<{ id: number; stage: string }>(
    'select id, stage from imports where uuid = $1 order by id',
    [uuid],
  );
  return rows;
}

/** Appends a stage, repeating what the order says, as every importer does. Returns the new row's id. */
export async function appendStage(
  db: Database,
  order: OrderRow,
  stage: Stage,
  more: { fileNames: string; description: string | null },
): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
       file_names, description, preprocessing_id)
     values ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7, $8, $9, $10) returning id`,
    [
      order.group_name,
      order.user_name,
      order.destination_id,
      order.destination_type,
      stage,
      order.uuid,
      order.files,
      more.fileNames,
      more.description,
      order.preprocessing_id,
    ],
  );
  await db.query(`select pg_notify('bridge_orders', $1)`, [order.uuid]);
  return rows[0]?.id ?? 0;
}

/** Folder that an order's archive stands in, for orders that we placed. */
export async function readArchivePath(db: Database, uuid: string): Promise<string | null> {
  const { rows } = await db.query<{ archive_path: string }>(
    'select archive_path from bridge.order_links where order_uuid = $1',
    [uuid],
  );
  return rows[0]?.archive_path ?? null;
}
