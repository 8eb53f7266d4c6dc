import { userInfo } from 'node:os';
import { bridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { cancelOrder } from '../orders/cancel-order.ts';
import { findOrders, listOrders, type OrderSummary } from '../orders/list-orders.ts';
import { readOrderHistory } from '../orders/read-order-history.ts';
import { retryOrder, runOfOrder } from '../orders/retry-order.ts';
import { installTrigger, removeTrigger } from '../orders/trigger.ts';
import { formatTable, oneLine } from './format.ts';
import { orderReport, stageWord } from './order-report.ts';
import { openOrders } from './site.ts';
import type { Pool } from '../lib/database.ts';

interface Common {
  data: string;
  json?: boolean;
}

/** `orders list`. */
export async function list(
  options: Common & { stage?: string; all?: boolean; group?: string; limit: number },
): Promise<void> {
  await withOrders(options, async ({ pool }) => {
    const stage = options.stage === undefined ? null : stageOf(options.stage);
    const open = stage === null && options.all !== true;
    const orders = await listOrders(pool, { stage, open, group: options.group ?? null, limit: options.limit });
    if (options.json) return print(JSON.stringify(orders, null, 2));
    if (!orders.length) return print(open ? 'No order is open. All orders: --all' : 'No such order.');
    print(
      formatTable([
        ['ORDER', 'PLACED', 'GROUP', 'USER', 'DESTINATION', 'STAGE', ''],
        ...orders.map((o) => [
          oneLine(o.uuid, 36),
          shortTime(o.placedAt),
          oneLine(o.group, 40),
          oneLine(o.user, 40),
          oneLine(o.destination, 40),
          oneLine(stageWord(o.stage), 40),
          remark(o),
        ]),
      ]),
    );
  });
}

/** `orders show ORDER`. */
export async function show(start: string, options: Common): Promise<void> {
  await withOrders(options, async ({ pool, logDir }) => {
    const uuid = await theOrder(pool, start);
    const history = await readOrderHistory(pool, uuid);
    if (!history) throw bridgeError('ORDER_UNKNOWN', { order: start });
    print(options.json ? JSON.stringify(history, null, 2) : orderReport(history, logDir));
  });
}

/** `orders cancel ORDER --reason …`. */
export async function cancel(start: string, options: Common & { reason: string; as?: string }): Promise<void> {
  await withOrders(options, async ({ pool }) => {
    const uuid = await theOrder(pool, start);
    const done = await cancelOrder(pool, uuid, who(options.as), options.reason);
    print(done ? `Order ${uuid} is cancelled.` : `Order ${uuid} was closed before; nothing was changed.`);
  });
}

/** `orders retry ORDER`. */
export async function retry(start: string, options: Common & { as?: string }): Promise<void> {
  await withOrders(options, async ({ pool }) => {
    const uuid = await theOrder(pool, start);
    const run = await runOfOrder(pool, uuid);
    if (run !== null) throw bridgeError('ORDER_OF_RUN', { order: uuid, run });
    const next = await retryOrder(pool, uuid, who(options.as));
    print(
      next.created
        ? `Order ${next.uuid} asks for what was missing: ${next.files} file${next.files === 1 ? '' : 's'}.`
        : `Order ${next.uuid} was placed for it before; nothing was changed.`,
    );
  });
}

/** `orders install-trigger`. */
export async function addTrigger(options: Common): Promise<void> {
  await withOrders(options, async ({ pool }) => {
    print(
      (await installTrigger(pool))
        ? 'The table imports now rings at every new order, whoever placed it. `orders remove-trigger` takes that back.'
        : 'The trigger was there already.',
    );
  });
}

/** `orders remove-trigger`. */
export async function dropTrigger(options: Common): Promise<void> {
  await withOrders(options, async ({ pool }) => {
    print(
      (await removeTrigger(pool))
        ? 'The trigger was removed. Orders of other producers are found within 250 ms, as before.'
        : 'There was no trigger.',
    );
  });
}

async function withOrders(
  options: Common,
  work: (site: Awaited<ReturnType<typeof openOrders>>) => Promise<void>,
): Promise<void> {
  const site = await openOrders(options.data);
  try {
    await work(site);
  } finally {
    await site.close();
  }
}

async function theOrder(pool: Pool, start: string): Promise<string> {
  const [first, ...others] = await findOrders(pool, start);
  if (first === undefined) throw bridgeError('ORDER_UNKNOWN', { order: start });
  if (others.length) throw bridgeError('ORDER_AMBIGUOUS', { order: start, orders: [first, ...others].join(', ') });
  return first;
}

/** A stage by BIOMERO's words or by its last one alone. */
function stageOf(text: string): string {
  const found = Object.values(stages).find(
    (s) => s === text || s === `Import ${text[0]?.toUpperCase()}${text.slice(1)}`,
  );
  if (found) return found;
  throw bridgeError('STAGE_UNKNOWN', { stage: text, known: Object.values(stages).map(stageWord).join(', ') });
}

function remark(order: OrderSummary): string {
  if (order.waitsFor !== null) return `waits: ${order.waitsFor}`;
  if (order.holder) return `on ${oneLine(order.holder.host, 60)}, process ${order.holder.pid}`;
  return oneLine(order.description ?? '', 120);
}

function who(as: string | undefined): string {
  return as ?? `${userInfo().username} on the command line`;
}

function shortTime(at: Date | null): string {
  if (at === null) return 'unknown';
  return at.toISOString().slice(0, 16).replace('T', ' ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
