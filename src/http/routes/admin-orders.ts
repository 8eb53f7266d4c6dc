import type { Context } from 'hono';
import { bridgeError } from '../../domain/errors.ts';
import { stages } from '../../domain/vocabulary.ts';
import { cancelOrder } from '../../orders/cancel-order.ts';
import { readImporters } from '../../orders/importers.ts';
import { listOrders } from '../../orders/list-orders.ts';
import { readImportLog } from '../../orders/import-log.ts';
import { readQueue } from '../../orders/queue.ts';
import { readOrderHistory } from '../../orders/read-order-history.ts';
import { retryOrder, runOfOrder } from '../../orders/retry-order.ts';
import { readAudit } from '../../runs/read-audit.ts';
import type { ViewSources } from '../../runs/read-view.ts';
import { retryRun } from '../../runs/retry.ts';
import type { Route } from '../route.ts';
import { bodyOf, textOf, uuidPattern, wordsOf } from './request.ts';
import {
  auditPage as auditView,
  auditQuery,
  importLog,
  orderCancelled,
  orderHistory,
  orderList,
  orderRetried,
  ordersQuery,
  queue,
} from '../schemas/admin.ts';
import { reasonBody } from '../schemas/common.ts';

const shows = ['open', 'failed', 'all'] as const;
const mostOrders = 500;
const auditPage = 50;

/** The upload orders of all groups, who imports them, and what people did: for administrators. */
export function adminOrderRoutes(parts: ViewSources & { importLogs: () => string }): Route[] {
  const sources: ViewSources = parts;
  return [
    {
      method: 'GET',
      path: '/api/admin/queue',
      rule: 'admin',
      scope: 'orders',
      api: { summary: 'Where the orders of each group stand, and who imports them.', answer: queue },
      handle: async ({ c }) => {
        const [groups, importers] = await Promise.all([readQueue(sources.orders), readImporters(sources.orders)]);
        return c.json({ groups, importers });
      },
    },
    {
      method: 'GET',
      path: '/api/admin/orders',
      rule: 'admin',
      scope: 'orders',
      api: { summary: 'Upload orders.', query: ordersQuery, answer: orderList },
      handle: async ({ c }) => {
        const [show = 'open'] = wordsOf(c, 'show', shows) ?? [];
        const limit = limitOf(c);
        const orders = await listOrders(sources.orders, {
          stage: show === 'failed' ? stages.failed : null,
          open: show === 'open',
          oldestFirst: show === 'open',
          group: textOf(c, 'group'),
          limit: limit + 1,
        });
        return c.json({ orders: orders.slice(0, limit), more: orders.length > limit });
      },
    },
    {
      method: 'GET',
      path: '/api/admin/orders/:uuid',
      rule: 'admin',
      scope: 'orders',
      api: { summary: 'Everything that is known about one order.', answer: orderHistory },
      handle: async ({ c }) => {
        const uuid = orderOf(c);
        const history = await readOrderHistory(sources.orders, uuid);
        if (!history) throw bridgeError('ORDER_UNKNOWN', { order: uuid });
        return c.json({ ...history, files: history.files.slice(0, 1_000), filesTotal: history.files.length });
      },
    },
    {
      method: 'GET',
      path: '/api/admin/orders/:uuid/log',
      rule: 'admin',
      scope: 'orders',
      api: {
        summary: "The end of the log of its import, where this server sees the importer's logs.",
        answer: importLog,
      },
      handle: async ({ c }) => c.json(await readImportLog(parts.importLogs(), orderOf(c))),
    },
    {
      method: 'POST',
      path: '/api/admin/orders/:uuid/cancel',
      rule: 'admin',
      scope: 'orders',
      api: { summary: 'Closes an open order.', body: reasonBody, answer: orderCancelled },
      handle: async ({ c, viewer }) => {
        const done = await cancelOrder(sources.orders, orderOf(c), viewer.name, await reasonOf(c));
        return c.json({ cancelled: done });
      },
    },
    {
      method: 'POST',
      path: '/api/admin/orders/:uuid/retry',
      rule: 'admin',
      scope: 'orders',
      api: {
        summary: 'Places a failed order again, with the files that are missing.',
        body: reasonBody,
        answer: orderRetried,
      },
      handle: async ({ c, viewer }) => {
        const uuid = orderOf(c);
        const reason = await reasonOf(c);
        const run = await runOfOrder(sources.orders, uuid);
        if (run === null) {
          const next = await retryOrder(sources.orders, uuid, viewer.name, reason);
          return c.json({ order: next.uuid, run: null });
        }
        // A run knows what is missing of all its orders.
        await retryRun(sources, run, viewer.name, reason);
        return c.json({ order: null, run });
      },
    },
    {
      method: 'GET',
      path: '/api/admin/audit',
      rule: 'admin',
      api: { summary: 'What people did, newest first.', query: auditQuery, answer: auditView },
      handle: async ({ c }) =>
        c.json(await readAudit(sources, { text: textOf(c, 'text'), before: beforeOf(c), limit: auditPage })),
    },
  ];
}

function orderOf(c: Context): string {
  const uuid = c.req.param('uuid') ?? '';
  if (!uuidPattern.test(uuid)) throw bridgeError('ORDER_UNKNOWN', { order: uuid.slice(0, 40) });
  return uuid;
}

/** Whoever interferes says why. */
async function reasonOf(c: Context): Promise<string> {
  return (await bodyOf(c, reasonBody)).reason;
}

function limitOf(c: Context): number {
  const text = c.req.query('limit') ?? '20';
  if (!/^[1-9]\d{0,3}$/.test(text) || Number(text) > mostOrders)
    throw bridgeError('REQUEST_INVALID', { reason: `limit is not a number from 1 to ${mostOrders}` });
  return Number(text);
}

function beforeOf(c: Context): string | null {
  const text = textOf(c, 'before');
  if (
    text !== null &&
    (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d){0,2}$/.test(text) ||
      Number.isNaN(Date.parse(text.replace(/([+-]\d\d)$/, '$1:00'))))
  )
    throw bridgeError('REQUEST_INVALID', { reason: 'before is not one that this server gave' });
  return text;
}
