import { bridgeError } from '../domain/errors.ts';
import { stages, type DestinationType } from '../domain/vocabulary.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { pythonJson } from './python-json.ts';

export interface NewOrder {
  /** At most 36 characters, see `orderUuid`. */
  uuid: string;
  groupName: string;
  userName: string;
  destinationType: DestinationType;
  destinationId: number;
  /** Absolute paths. */
  files: string[];
  link: { taskId: string; runId: string; archivePath: string; part: number; retryOf: string | null };
}

/**
 * Asks for files to be imported. Link and order stand together or not at all; an order that was placed before is left
 * as it is. Any failure is the caller's to see.
 *
 * @throws ORDER_INVALID for an order that no importer could take
 */
export async function placeOrder(pool: Pool, order: NewOrder): Promise<{ uuid: string; created: boolean }> {
  const { uuid } = order;
  if (order.files.length === 0) throw bridgeError('ORDER_INVALID', { order: uuid, reason: 'it lists no files' });
  if (!Number.isSafeInteger(order.destinationId) || order.destinationId < 1)
    throw bridgeError('ORDER_INVALID', { order: uuid, reason: `its destination id is ${order.destinationId}` });
  return transaction(pool, async (tx) => {
    // Whoever places the same order at this moment waits here for the outcome.
    const linked = await insertLink(tx, order);
    if (!linked || (await isPlaced(tx, uuid))) return { uuid, created: false };
    await insertPending(tx, order);
    await tx.query(`select pg_notify('bridge_orders', $1)`, [uuid]);
    return { uuid, created: true };
  });
}

async function insertLink(tx: Database, { uuid, link }: NewOrder): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into bridge.order_links (order_uuid, task_id, run_id, archive_path, part, retry_of)
     values ($1, $2, $3, $4, $5, $6) on conflict (order_uuid) do nothing`,
    [uuid, link.taskId, link.runId, link.archivePath, link.part, link.retryOf],
  );
  return rowCount === 1;
}

/** Without its link an order may stand after `bridge` was made anew. */
async function isPlaced(tx: Database, uuid: string): Promise<boolean> {
  return (await tx.query('select 1 from imports where uuid = $1 limit 1', [uuid])).rowCount === 1;
}

async function insertPending(tx: Database, order: NewOrder): Promise<void> {
  await tx.query(
    `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
       file_names)
     values ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7, '[]')`,
    [
      order.groupName,
      order.userName,
      String(order.destinationId),
      order.destinationType,
      stages.pending,
      order.uuid,
      pythonJson(order.files),
    ],
  );
}
