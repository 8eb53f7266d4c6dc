import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { Client } from 'pg';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { hasTrigger, installTrigger, removeTrigger } from '../../src/orders/trigger.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { describeWithPart, hasExecutable } from '../support/optional-part.ts';
import { createTestDatabase } from '../support/postgres.ts';

const python = process.env['BIOMERO_PYTHON'] ?? 'python3';
const check = `import importlib.util, sqlalchemy, alembic, psycopg2; assert importlib.util.find_spec('biomero_importer')`;
const available = (python.includes('/') || hasExecutable(python)) && spawnSync(python, ['-c', check]).status === 0;

test('the trigger is put on and taken off, as often as one likes, and rings for others at every new order', async () => {
  const db = await createTestDatabase();
  onTestFinished(() => db.drop());
  await ensureImports(db.pool);
  const listener = new Client({ connectionString: db.url });
  await listener.connect();
  onTestFinished(() => listener.end());
  const heard: string[] = [];
  listener.on('notification', (n) => heard.push(n.payload ?? ''));
  await listener.query('listen bridge_orders');
  const insert = (uuid: string, stage: string): Promise<unknown> =>
    db.pool.query(
      `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files, file_names)
       values ('g', 'u', '1', 'Dataset', $2, $1, now(), '[]', '[]')`,
      [uuid, stage],
    );
  await insert('before', 'Import Pending');
  expect([await installTrigger(db.pool), await installTrigger(db.pool)]).toEqual([true, false]);
  expect(await hasTrigger(db.pool)).toBe(true);
  // A producer that may write to the table and knows nothing of our schema.
  await db.pool.query(
    `do $$ begin create role importer_producer_${process.pid} nologin; exception when duplicate_object then null; end $$`,
  );
  await db.pool.query(`grant insert, select on imports to importer_producer_${process.pid}`);
  await db.pool.query(`grant usage on all sequences in schema public to importer_producer_${process.pid}`);
  const producer = await db.pool.connect();
  try {
    await producer.query(`set role importer_producer_${process.pid}`);
    await producer.query(
      `insert into imports (group_name, user_name, destination_id, destination_type, stage, uuid, "timestamp", files, file_names)
       values ('g', 'u', '1', 'Dataset', 'Import Pending', 'producer', now(), '[]', '[]')`,
    );
    await producer.query('reset role');
  } finally {
    producer.release();
  }
  await insert('started', 'Import Started');
  await insert('x'.repeat(36), 'Import Pending');
  await expect.poll(() => heard).toEqual(['producer', 'x'.repeat(36)]);
  expect([await removeTrigger(db.pool), await removeTrigger(db.pool)]).toEqual([true, false]);
  await insert('after', 'Import Pending');
  await listener.query('select 1');
  expect(heard).toHaveLength(2);
  await db.pool.query(`drop owned by importer_producer_${process.pid}; drop role importer_producer_${process.pid}`);
});

describeWithPart('Python peers', available, 'the trigger', () => {
  test('does not stand in the way of Python’s own migration', async () => {
    const db = await createTestDatabase();
    onTestFinished(() => db.drop());
    await ensureImports(db.pool);
    await installTrigger(db.pool);
    const { status, stderr } = spawnSync(python, [packageFile('test/interop/importer_peer.py')], {
      input: JSON.stringify({
        url: db.url.replace(/^postgres(?:ql)?:/, 'postgresql+psycopg2:').replaceAll('%2F', '/'),
        migrate: true,
        log: [],
        read: [],
      }),
      encoding: 'utf8',
    });
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    expect(await hasTrigger(db.pool)).toBe(true);
  }, 180_000);
});
