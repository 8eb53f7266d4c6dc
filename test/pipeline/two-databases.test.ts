import { spawnSync } from 'node:child_process';
import { afterAll, expect, test } from 'vitest';
import { packageFile } from '../../src/lib/package-root.ts';
import { QuickStartFolder } from '../support/quick-start.ts';

const folder = new QuickStartFolder({ ordersDatabase: 'ledger' });
afterAll(() => folder.remove());

/** A command of the product beside the running start. */
function command(...args: string[]): { status: number | null; stdout: string } {
  const { status, stdout } = spawnSync(
    process.execPath,
    [packageFile('dist', 'src', 'main.js'), ...args, '--data', folder.path],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    },
  );
  return { status, stdout };
}

test('runs and upload orders in two databases: each has its half of what is written, and the job is done', async () => {
  const started = folder.start('--seed', '11');
  await folder.until(started, async () => folder.environment() !== null && started.output().includes('Ready'));
  const biomero = await folder.connect('biomero');
  const orders = await folder.connect('orders');
  try {
    const run = await folder.until(started, async () => {
      const { rows } = await biomero.query<{ id: string; outcome: string }>(
        'select id, outcome from bridge.runs where ended_at is not null',
      );
      return rows[0];
    });
    expect(run.outcome).toBe('done');
    const tables = async (client: typeof biomero): Promise<string[]> => {
      const { rows } = await client.query<{ name: string }>(
        `select schemaname || '.' || tablename as name from pg_tables where schemaname in ('public', 'bridge')`,
      );
      return rows.map((r) => r.name);
    };
    const [left, right] = [await tables(biomero), await tables(orders)];
    expect(left).toEqual(expect.arrayContaining(['public.workflowtracker_events', 'bridge.runs', 'bridge.archives']));
    expect(right).toEqual(expect.arrayContaining(['public.imports', 'bridge.order_links', 'bridge.heartbeats']));
    expect(left.filter((t) => t.startsWith('public.imports'))).toEqual([]);
    // Where results are uploaded without an importer, the runs' database has such tables too; here nothing is in them.
    for (const table of left.filter((t) => t.startsWith('bridge.order_') || t === 'bridge.import_sessions'))
      expect((await biomero.query(`select 1 from ${table}`)).rowCount, table).toBe(0);
    expect(right.filter((t) => t.includes('workflowtracker') || t === 'bridge.runs' || t.includes('biomero_'))).toEqual(
      [],
    );
    const shown = command('status', run.id.slice(0, 8));
    expect([shown.status, /DONE/.test(shown.stdout)]).toEqual([0, true]);
    const listed = command('orders', 'list', '--all');
    expect(listed.status).toBe(0);
    expect(listed.stdout.match(/ completed/g)?.length).toBeGreaterThan(0);
    expect(command('views', 'rebuild').status).toBe(0);
  } finally {
    await biomero.end();
    await orders.end();
  }
}, 180_000);
