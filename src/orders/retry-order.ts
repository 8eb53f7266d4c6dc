import { bridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction, type Pool } from '../lib/database.ts';
import { fileResults } from './file-results.ts';
import { retryUuid } from './order-uuid.ts';
import { pythonJson } from './python-json.ts';
import { readOrder } from './read-order.ts';
import { insertOrderAudit, lockOrder } from './stages.ts';

/** The run that an order belongs to, when it is one of ours. */
export async function runOfOrder(pool: Pool, uuid: string): Promise<string | null> {
  const { rows } = await pool.query<{ run_id: string | null }>(
    'select run_id from bridge.order_links where order_uuid = $1',
    [uuid],
  );
  return rows[0]?.run_id ?? null;
}

/**
 * Places a failed order again: a new order of the same user, group and destination, with the files that are missing.
 * The failed one stays as it is. Asking twice gives the same new order. For orders of other producers: one of a run is
 * retried with its run, which knows more.
 *
 * @throws ORDER_UNKNOWN, ORDER_NOT_FAILED
 */
export async function retryOrder(
  pool: Pool,
  uuid: string,
  who: string,
  reason: string | null = null,
): Promise<{ uuid: string; created: boolean; files: number }> {
  return transaction(pool, async (tx) => {
    await lockOrder(tx, uuid);
    const order = await readOrder(tx, uuid);
    if (!order) throw bridgeError('ORDER_UNKNOWN', { order: uuid });
    if (order.stage !== stages.failed) throw bridgeError('ORDER_NOT_FAILED', { order: uuid, stage: order.stage });
    const next = retryUuid(uuid);
    const done = new Set(
      (await fileResults(tx, uuid))
        .filter((r) => r.state === 'imported' || r.state === 'already-there')
        .map((r) => r.path),
    );
    const { rows } = await tx.query<{ files: string }>(
      'select files from imports where uuid = $1 and stage = $2 order by id limit 1',
      [uuid, stages.pending],
    );
    const files = filesOf(rows[0]?.files, uuid);
    const missing = files.filter((path) => !done.has(path));
    const { rowCount } = await tx.query(
      `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files,
         file_names, preprocessing_id)
       select group_name, user_name, destination_id, destination_type, stage, $3::varchar, clock_timestamp(), $4, '[]', preprocessing_id
       from imports where uuid = $1 and stage = $2 and not exists (select from imports where uuid = $3::varchar)
       order by id limit 1`,
      [uuid, stages.pending, next, pythonJson(missing)],
    );
    if (!rowCount) return { uuid: next, created: false, files: missing.length };
    await tx.query(
      `insert into bridge.order_links (order_uuid, part, retry_of) values ($1, 1, $2) on conflict (order_uuid) do nothing`,
      [next, uuid],
    );
    await insertOrderAudit(tx, { who, action: 'retry', uuid, reason });
    await tx.query(`select pg_notify('bridge_orders', $1)`, [next]);
    return { uuid: next, created: true, files: missing.length };
  });
}

function filesOf(text: string | undefined, uuid: string): string[] {
  try {
    const files: unknown = JSON.parse(text ?? '');
    if (Array.isArray(files) && files.length > 0 && files.every((f) => typeof f === 'string')) return files;
  } catch {
    // Said below, like any other list that is none.
  }
  throw bridgeError('ORDER_INVALID', {
    order: uuid,
    reason: 'its list of files cannot be read, so none can be asked for again',
  });
}
