import { stages, type DestinationType } from '../domain/vocabulary.ts';
import { transaction, type Pool } from '../lib/database.ts';
import { pythonJson } from './python-json.ts';

export interface NewOrder {
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
 */
export async function placeOrder(pool: Pool, order: NewOrder): Promise<{ uuid: string; created: boolean }> {
  return transaction(pool, async (tx) => {
    const { rowCount } = await tx.query(
      `insert into bridge.order_links (order_uuid, task_id, run_id, archive_path, part, retry_of)
       values ($1, $2, $3, $4, $5, $6) on conflict (order_uuid) do nothing`,
      [order.uuid, order.link.taskId, order.link.runId, order.link.archivePath, order.link.part, order.link.retryOf],
    );
    if (!rowCount) return { uuid: order.uuid, created: false };
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
    await tx.query(`select pg_notify('bridge_orders', $1)`, [order.uuid]);
    return { uuid: order.uuid, created: true };
  });
}
