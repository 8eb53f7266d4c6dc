import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ImporterSite } from '../importer/testing/importer-site.ts';
import { runImporter } from '../importer/importer.ts';
import { migrate } from '../lib/migrate.ts';
import { Metrics } from './metrics.ts';
import { startMetrics, type MetricsServer } from './metrics-server.ts';

let site: ImporterSite;
let metrics: Metrics;
let server: MetricsServer;
let healthy = true;

beforeAll(async () => {
  site = await ImporterSite.open();
  await migrate(site.database.pool, 'runs');
  metrics = new Metrics({ runs: site.database.pool, orders: site.database.pool });
  server = await startMetrics({
    host: '127.0.0.1',
    port: 0,
    metrics,
    health: async () => ({ database: healthy ? 'ok' : 'does not answer' }),
    log: pino({ level: 'silent' }),
  });
});
afterAll(async () => {
  await server?.close();
  await site?.drop();
});

/** Every figure that is ours, by its name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const response = await fetch(`${server.address}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('biomero_bridge_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('tells where orders stand, how long they took, and what went wrong', async () => {
  const dataset = await site.dataset();
  const before = await scrape();
  expect(before.get('biomero_bridge_orders{stage="pending"}')).toBe(0);
  expect(before.get('biomero_bridge_oldest_pending_order_seconds')).toBe(0);
  const good = await site.order([await site.image('good.tif')], dataset);
  const bad = await site.order([await site.image('bad.tif', Buffer.from('no image'))], dataset);
  const { rows } = await site.database.pool.query<{ id: number }>(
    `insert into imports_preprocessing (container, input_file, output_folder) values ('c', 'i', 'o') returning id`,
  );
  const waiting = await site.row({ preprocessing_id: rows[0]?.id });
  await site.database.pool.query(`update imports set "timestamp" = now() - interval '1 hour' where uuid = $1`, [
    waiting,
  ]);
  const placed = await scrape();
  expect(placed.get('biomero_bridge_orders{stage="pending"}')).toBe(3);
  expect(placed.get('biomero_bridge_oldest_pending_order_seconds')).toBeGreaterThan(3_500);

  const stop = new AbortController();
  const running = runImporter({
    config: site.config(),
    pool: site.database.pool,
    databaseUrl: site.database.url,
    log: pino({ level: 'silent' }),
    signal: stop.signal,
    name: 'measured',
    metrics,
  });
  await site.closed(good);
  await site.closed(bad);
  await site.until(() => site.some('select 1 from bridge.order_attempts where order_uuid = $1', [waiting]));
  await site.until(async () => (await scrape()).get('biomero_bridge_order_stage_seconds_count{stage="failed"}') === 1);
  const figures = await scrape();
  expect(figures.get('biomero_bridge_orders{stage="pending"}')).toBe(1);
  expect(figures.get('biomero_bridge_orders{stage="started"}')).toBe(0);
  expect(figures.get('biomero_bridge_orders_held_up{code="ORDER_NEEDS_PREPROCESSING"}')).toBe(1);
  expect(figures.get('biomero_bridge_importers{state="working"}')).toBe(1);
  expect(figures.get('biomero_bridge_order_stage_seconds_count{stage="started"}')).toBe(2);
  expect(figures.get('biomero_bridge_order_stage_seconds_count{stage="completed"}')).toBe(1);
  expect(figures.get('biomero_bridge_import_failures_total{code="FILES_NOT_IMPORTED"}')).toBe(1);
  expect(figures.get('biomero_bridge_import_processes_total')).toBe(2);

  // Another importer is at work: that is to be seen from outside.
  await site.row({ stage: 'Import Started' });
  await site.until(async () => (await scrape()).get('biomero_bridge_importers{state="stopped"}') === 1);
  stop.abort();
  await running;
}, 180_000);

test('health has the status that a supervisor asks for, and nothing else is answered', async () => {
  expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
  healthy = false;
  const failing = await fetch(`${server.address}/healthz`);
  expect([failing.status, await failing.json()]).toEqual([
    503,
    { status: 'failing', checks: { database: 'does not answer' } },
  ]);
  expect((await fetch(`${server.address}/api/runs`)).status).toBe(404);
  expect((await fetch(`${server.address}/metrics`, { method: 'POST' })).status).toBe(405);
});

test('runs are counted by state', async () => {
  expect((await scrape()).get('biomero_bridge_runs{state="running"}')).toBe(0);
});
