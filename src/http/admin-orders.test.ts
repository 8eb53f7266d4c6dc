import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { stages } from '../domain/vocabulary.ts';
import { deleteHeartbeat, writeHeartbeat } from '../importer/heartbeat.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { insertFiles } from '../orders/file-results.ts';
import { placeOrder } from '../orders/place-order.ts';
import { appendStage } from '../orders/stages.ts';
import { insertAudit } from '../runs/write-run.ts';
import { adminOrderRoutes } from './routes/admin-orders.ts';
import { appOf } from './testing/app-of.ts';

let db: TestDatabase;
let logs = '';
const log = pino({ level: 'silent' });
const ask = async (method: 'GET' | 'POST', path: string, body: unknown = {}): Promise<Response> =>
  appOf(adminOrderRoutes({ runs: db.pool, orders: db.pool, importLogs: () => logs }), db.pool, log).request(path, {
    method,
    ...(method === 'POST' ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
const get = async <T>(path: string): Promise<T> => (await (await ask('GET', path)).json()) as T;

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  await ensureImports(db.pool);
  logs = await mkdtemp(join(tmpdir(), 'biomero-bridge-import-logs-'));
});
afterAll(async () => {
  await rm(logs, { recursive: true, force: true });
  await db.drop();
});

async function order(groupName: string, hoursAgo = 0): Promise<string> {
  const uuid = randomUUID();
  const link = { taskId: randomUUID(), runId: randomUUID(), archivePath: '/data', part: 1, retryOf: null };
  const place = { uuid, groupName, userName: 'researcher', destinationType: 'Dataset' as const, destinationId: 3 };
  await placeOrder(db.pool, { ...place, files: ['/data/a.tif', '/data/b.tif'], link });
  // As another producer places it: it belongs to no run.
  await db.pool.query('update bridge.order_links set run_id = null where order_uuid = $1', [uuid]);
  await db.pool.query(
    `update imports set "timestamp" = clock_timestamp() - make_interval(hours => $2) where uuid = $1`,
    [uuid, hoursAgo],
  );
  return uuid;
}

interface Queue {
  groups: {
    group: string;
    pending: number;
    importing: number;
    failed: number;
    completed: number;
    waitsFor: string[];
  }[];
  importers: { host: string; state: string; orders: string[]; stopped: string | null }[];
}

test('the queue tells of each group what waits, since when, and what holds it up', async () => {
  const young = await order('young');
  await order('old', 5);
  const started = await order('old', 1);
  await appendStage(db.pool, started, stages.started, { fileNames: null, description: null });
  await db.pool.query(
    `insert into bridge.order_attempts (order_uuid, failures, code, reason, next_at) values ($1, 2, 'OMERO_AWAY', 'x', now())`,
    [started],
  );
  const closed = await order('done', 1);
  await appendStage(db.pool, closed, stages.completed, { fileNames: null, description: null });
  const { groups } = await get<Queue>('/api/admin/queue');
  expect(groups.map((g) => g.group)).toEqual(['old', 'young', 'done']);
  expect(groups[0]).toMatchObject({ pending: 1, importing: 1, waitsFor: ['OMERO_AWAY'] });
  expect(groups[2]).toMatchObject({ pending: 0, completed: 1, failed: 0 });
  const open = await get<{ orders: { uuid: string; group: string }[]; more: boolean }>('/api/admin/orders?limit=2');
  expect(open.orders).toHaveLength(2);
  expect(open.more).toBe(true);
  const youngs = await get<{ orders: { uuid: string }[] }>('/api/admin/orders?group=young');
  expect(youngs.orders.map((o) => o.uuid)).toEqual([young]);
});

test('importers are alive, silent or stopped, and named with their orders; one that ended in order is gone', async () => {
  const uuid = await order('busy');
  await writeHeartbeat(db.pool, 'a', { active: 1, maxWorkers: 4 });
  await writeHeartbeat(db.pool, 'b', { active: 0, maxWorkers: 4, stopped: '"Import Started" was written by another' });
  await writeHeartbeat(db.pool, 'c', { active: 0 });
  await writeHeartbeat(db.pool, 'd', { active: 0 });
  await deleteHeartbeat(db.pool, 'd');
  await db.pool.query(`update bridge.heartbeats set at = at - interval '5 minutes' where name = 'c'`);
  await db.pool.query(
    `insert into bridge.leases (resource, holder, token, expires_at) values ($1, 'a', 1, now() + interval '1 hour')`,
    [`order:${uuid}`],
  );
  const { importers } = await get<Queue>('/api/admin/queue');
  expect(importers.map((i) => i.state).sort()).toEqual(['alive', 'silent', 'stopped']);
  expect(importers.find((i) => i.state === 'alive')?.orders).toEqual([uuid]);
  expect(importers.find((i) => i.state === 'stopped')?.stopped).toContain('another');
});

test('an order is cancelled and retried with a reason, which the audit keeps with the name', async () => {
  const uuid = await order('people');
  await insertFiles(db.pool, uuid, ['/data/a.tif', '/data/b.tif']);
  await db.pool.query(
    `update bridge.order_files set state = 'imported' where order_uuid = $1 and path = '/data/a.tif'`,
    [uuid],
  );
  expect((await ask('POST', `/api/admin/orders/${uuid}/cancel`)).status).toBe(400);
  expect((await ask('POST', `/api/admin/orders/${uuid}/retry`, { reason: 'x' })).status).toBe(409);
  const cancelled = await ask('POST', `/api/admin/orders/${uuid}/cancel`, { reason: 'wrong <b>dataset</b>' });
  expect(await cancelled.json()).toEqual({ cancelled: true });
  const failed = await get<{ orders: { uuid: string; description: string }[] }>('/api/admin/orders?show=failed');
  expect(failed.orders[0]).toMatchObject({ uuid, description: 'Cancelled by chief: wrong <b>dataset</b>' });
  const retried = (await (await ask('POST', `/api/admin/orders/${uuid}/retry`, { reason: 'now right' })).json()) as {
    order: string;
  };
  const next = await get<{ retryOf: string; files: { path: string }[] }>(`/api/admin/orders/${retried.order}`);
  expect(next).toMatchObject({ retryOf: uuid, files: [{ path: '/data/b.tif' }] });
  await insertAudit(db.pool, { who: 'other', action: 'mapping', runId: null, reason: null });
  const audit = await get<{ entries: { who: string; action: string; reason: string }[]; next: null }>(
    '/api/admin/audit',
  );
  expect(audit.entries.map((e) => [e.who, e.action, e.reason])).toEqual([
    ['other', 'mapping', null],
    ['chief', 'retry', 'now right'],
    ['chief', 'cancel', 'wrong <b>dataset</b>'],
  ]);
  const found = await get<{ entries: unknown[] }>('/api/admin/audit?text=RIGHT');
  expect(found.entries).toHaveLength(1);
  expect((await ask('GET', '/api/admin/audit?before=yesterday')).status).toBe(400);
  expect((await ask('GET', '/api/admin/audit?before=2026-99-99 00:00:00%2B00')).status).toBe(400);
  expect((await ask('GET', '/api/admin/orders/../x')).status).toBe(404);
  expect((await ask('GET', '/api/admin/orders/x')).status).toBe(404);
});

test('the log of an import is shown from its end, and where it is when it cannot be', async () => {
  const uuid = await order('logged');
  const at = `/api/admin/orders/${uuid}/log`;
  const missing = await ask('GET', at);
  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({
    code: 'IMPORT_LOG_NOT_HERE',
    detail: expect.stringContaining(join(logs, `import-${uuid}.log`)) as string,
  });
  await writeFile(join(logs, `import-${uuid}.log`), `${'ä'.repeat(200_000)}\nUnknownFormatException <b>\n`);
  const found = await get<{ size: number; skipped: number; text: string }>(at);
  expect(found.text.endsWith('ä\nUnknownFormatException <b>\n')).toBe(true);
  expect(found.text).not.toContain('\ufffd');
  expect([found.size, found.skipped]).toEqual([400_028, 400_028 - Buffer.byteLength(found.text)]);
  // Somebody put a link in its place.
  await rm(join(logs, `import-${uuid}.log`));
  await symlink('/etc/passwd', join(logs, `import-${uuid}.log`));
  expect((await ask('GET', at)).status).toBe(409);
  expect((await ask('GET', '/api/admin/orders/..%2fx/log')).status).toBe(404);
});

test('the audit is read page by page, each entry once', async () => {
  for (let i = 0; i < 110; i++)
    await insertAudit(db.pool, { who: 'many', action: 'retry', runId: null, reason: String(i) });
  const seen: string[] = [];
  for (let before: string | null = ''; before !== null;) {
    const query: string = before === '' ? '' : `&before=${encodeURIComponent(before)}`;
    const page = await get<{ entries: { reason: string }[]; next: string | null }>(
      `/api/admin/audit?text=many${query}`,
    );
    seen.push(...page.entries.map((e) => e.reason));
    before = page.next;
  }
  expect(seen).toEqual(Array.from({ length: 110 }, (_, i) => String(109 - i)));
});
