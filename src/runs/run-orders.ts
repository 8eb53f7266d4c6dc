import { stages } from '../domain/vocabulary.ts';
import type { Database } from '../lib/database.ts';
import { readOrder, type OrderState } from '../orders/read-order.ts';

/** The orders that a run waits for. */
export interface RunOrders {
  /** Their uuids, and what became of each; null for one that is not in `imports` any more. */
  readonly orders: readonly { readonly uuid: string; readonly state: OrderState | null }[];
  /** Open while one of them is; failed when all have ended and one of them failed. */
  readonly outcome: 'none' | 'open' | 'completed' | 'failed';
}

/** Images and labels are orders of their own; a retry holds all that was missing, so that it stands for those before it. */
export async function readCurrentOrders(runs: Database, orders: Database, runId: string): Promise<RunOrders> {
  const { rows } = await runs.query<{ order_uuid: string }>(
    `select order_uuid from bridge.run_orders where run_id = $1 and part >=
       (select coalesce(max(part), 0) from bridge.run_orders where run_id = $1 and retry_of is not null)
     order by part`,
    [runId],
  );
  const found = await Promise.all(
    rows.map(async ({ order_uuid: uuid }) => ({ uuid, state: await readOrder(orders, uuid) })),
  );
  return { orders: found, outcome: outcomeOf(found.flatMap(({ state }) => state ?? [])) };
}

function outcomeOf(states: readonly OrderState[]): RunOrders['outcome'] {
  if (states.length === 0) return 'none';
  const ends = [stages.completed, stages.failed] as readonly string[];
  if (states.some(({ stage }) => !ends.includes(stage))) return 'open';
  return states.some(({ stage }) => stage === stages.failed) ? 'failed' : 'completed';
}

/** Whether one of the orders asks for labels of OME-Zarrs. */
export async function askForLabels(orders: Database, uuids: readonly string[]): Promise<boolean> {
  if (uuids.length === 0) return false;
  const { rowCount } = await orders.query(
    `select 1 from imports where uuid = any($1) and stage = $2 and files ilike '%.zarr/labels/%' limit 1`,
    [uuids, stages.pending],
  );
  return rowCount === 1;
}
