import { bridgeError, printable } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction, type Pool } from '../lib/database.ts';
import { isTerminal, readOrder } from './read-order.ts';
import { appendStage, insertOrderAudit, lockOrder, readStageRows } from './stages.ts';

/**
 * Closes an open order with `Import Failed`, `Cancelled by <who>: <why>`. The importer that works on it learns of it at
 * once, ends its import process through its OMERO session and writes nothing more; images that were imported already
 * stay. False when the order was closed before.
 *
 * @throws ORDER_UNKNOWN, ORDER_OF_ANOTHER_IMPORTER for one that an importer of another kind has begun
 */
export async function cancelOrder(pool: Pool, uuid: string, who: string, why: string): Promise<boolean> {
  return transaction(pool, async (tx) => {
    await lockOrder(tx, uuid);
    const order = await readOrder(tx, uuid);
    if (!order) throw bridgeError('ORDER_UNKNOWN', { order: uuid });
    if (isTerminal(order.stage)) return false;
    // It would go on importing, and write a second terminal row when it is done.
    if ((await readStageRows(tx, uuid)).some((row) => !row.ours))
      throw bridgeError('ORDER_OF_ANOTHER_IMPORTER', { order: uuid, stage: order.stage });
    const description = printable(`Cancelled by ${who}: ${why}`).slice(0, 2_000);
    await appendStage(tx, uuid, stages.failed, { fileNames: null, description });
    await tx.query(`select pg_notify('bridge_orders_closed', $1)`, [uuid]);
    await tx.query('delete from bridge.order_attempts where order_uuid = $1', [uuid]);
    await insertOrderAudit(tx, { who, action: 'cancel', uuid, reason: why });
    return true;
  });
}
