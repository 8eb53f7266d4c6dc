import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isAlive, parseIdentity, type ProcessIdentity } from '../lib/process-identity.ts';
import { cancelOrder } from '../orders/cancel-order.ts';
import { fileResults } from '../orders/file-results.ts';
import { readOrder } from '../orders/read-order.ts';
import { retryOrder } from '../orders/retry-order.ts';
import { ImporterSite } from './testing/importer-site.ts';

// What people do with orders, and orders that wait for something.

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

async function importProcess(uuid: string): Promise<ProcessIdentity | null> {
  const { rows } = await site.database.pool.query('select process from bridge.import_sessions where order_uuid = $1', [
    uuid,
  ]);
  return parseIdentity(rows[0]?.['process']);
}

async function sessionsLeft(uuid: string): Promise<boolean> {
  return site.some('select 1 from bridge.import_sessions where order_uuid = $1', [uuid]);
}

/** An order of three images whose import takes its time, and its import process. */
async function slowOrder(name: string): Promise<{ uuid: string; dataset: number; process: ProcessIdentity }> {
  const dataset = await site.dataset();
  const files = [];
  for (const i of [1, 2, 3]) files.push(await site.image(`${name}-${i}.tif`));
  const uuid = await site.order(files, dataset);
  return { uuid, dataset, process: await site.until(() => importProcess(uuid)) };
}

test('an order that nobody has begun is cancelled, and never imported', async () => {
  const dataset = await site.dataset();
  const uuid = await site.order([await site.image('cancelled.tif')], dataset);
  expect(await cancelOrder(site.database.pool, uuid, 'alice', 'wrong dataset\u202e')).toBe(true);
  expect(await cancelOrder(site.database.pool, uuid, 'bob', 'twice')).toBe(false);
  await site.importer().begun();
  const after = await site.order([await site.image('after.tif')], dataset);
  await site.closed(after);
  expect(await site.stages(uuid)).toEqual(['Pending', 'Failed']);
  expect((await readOrder(site.database.pool, uuid))?.description).toMatch(/^Cancelled by alice: wrong dataset/);
  expect((await site.alice.imagesIn(dataset)).map((i) => i.name)).toEqual(['after.tif']);
  const { rows } = await site.database.pool.query(
    'select who, action, reason from bridge.order_audit where order_uuid = $1',
    [uuid],
  );
  expect(rows).toMatchObject([{ who: 'alice', action: 'cancel' }]);
});

test('an import under way is ended when its order is cancelled, and writes nothing more', async () => {
  const child = site.process({ OMERO_STANDIN_PAUSE_MS: '1500' });
  const { uuid, dataset, process } = await slowOrder('under-way');
  await cancelOrder(site.database.pool, uuid, 'alice', 'no longer needed');
  await site.until(async () => !isAlive(process) && !(await sessionsLeft(uuid)));
  // The importer lives on.
  const after = await site.order([await site.image('next.tif')], dataset);
  expect((await site.closed(after)).stage).toBe('Import Completed');
  expect(child.exitCode).toBeNull();
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Failed']);
  expect((await site.alice.imagesIn(dataset)).length).toBeLessThan(4);
}, 180_000);

test('a cancelled order whose importer is dead has its import ended by the next one', async () => {
  const dead = site.process({ OMERO_STANDIN_PAUSE_MS: '3000' });
  const { uuid, process } = await slowOrder('left');
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  await cancelOrder(site.database.pool, uuid, 'alice', 'its importer died');
  site.importer();
  await site.until(async () => !isAlive(process) && !(await sessionsLeft(uuid)));
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Failed']);
}, 180_000);

test('whoever cancels and whoever finishes at the same moment, the order has one end', async () => {
  const dataset = await site.dataset();
  await site.importer().begun();
  for (let i = 0; i < 12; i++) {
    const uuid = await site.order([await site.image(`race-${i}.tif`)], dataset);
    await new Promise((resolve) => setTimeout(resolve, 25 * i));
    await cancelOrder(site.database.pool, uuid, 'alice', 'racing');
    await site.closed(uuid);
    const ends = (await site.stages(uuid)).filter((s) => s === 'Completed' || s === 'Failed');
    expect(ends, uuid).toHaveLength(1);
  }
  // Those that were begun end what they began.
  await site.until(async () => !(await site.some('select 1 from bridge.import_sessions', [])));
}, 180_000);

test('an order of another kind of importer is not cancelled from here', async () => {
  const uuid = await site.row();
  await site.row({ uuid, stage: 'Import Started' });
  await expect(cancelOrder(site.database.pool, uuid, 'alice', 'x')).rejects.toMatchObject({
    code: 'ORDER_OF_ANOTHER_IMPORTER',
  });
  await expect(cancelOrder(site.database.pool, 'none', 'alice', 'x')).rejects.toMatchObject({ code: 'ORDER_UNKNOWN' });
  await site.database.pool.query('delete from imports where uuid = $1', [uuid]);
});

test('a failed order is placed again with what is missing, once', async () => {
  const dataset = await site.dataset();
  const good = await site.image('retry-good.tif');
  const bad = await site.image('retry-bad.tif', Buffer.from('not yet an image'));
  const uuid = await site.row({ destination_id: String(dataset), files: JSON.stringify([good, bad]) });
  await site.importer().begun();
  expect((await site.closed(uuid)).stage).toBe('Import Failed');
  await expect(retryOrder(site.database.pool, 'none', 'alice')).rejects.toMatchObject({ code: 'ORDER_UNKNOWN' });
  await writeFile(bad, await import('node:fs/promises').then((fs) => fs.readFile(good)));
  const [first, second] = await Promise.all([
    retryOrder(site.database.pool, uuid, 'alice'),
    retryOrder(site.database.pool, uuid, 'alice'),
  ]);
  expect(first.uuid).toBe(second.uuid);
  expect([first.created, second.created].sort()).toEqual([false, true]);
  expect((await site.closed(first.uuid)).stage).toBe('Import Completed');
  expect((await fileResults(site.database.pool, first.uuid)).map((r) => r.path)).toEqual([bad]);
  expect((await site.alice.imagesIn(dataset)).map((i) => i.name).sort()).toEqual(['retry-bad.tif', 'retry-good.tif']);
  expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Failed']);
  await expect(retryOrder(site.database.pool, first.uuid, 'alice')).rejects.toMatchObject({ code: 'ORDER_NOT_FAILED' });
});

test('what this version cannot import stays pending, says why, and holds nobody up', async () => {
  const { rows } = await site.database.pool.query<{ id: number }>(
    `insert into imports_preprocessing (container, input_file, output_folder) values ('c', 'i', 'o') returning id`,
  );
  const preprocessing = await site.row({ preprocessing_id: rows[0]?.id });
  const dataset = await site.dataset();
  for (const round of ['first', 'after a restart']) {
    const importer = site.importer({ change: { maxWorkers: 1 } });
    const after = await site.order([await site.image(`${round}.tif`)], dataset);
    expect((await site.closed(after)).stage, round).toBe('Import Completed');
    await site.until(async () => (await readOrder(site.database.pool, preprocessing))?.trouble ?? null);
    importer.stop();
    await site.stop();
  }
  expect(await site.stages(preprocessing)).toEqual(['Pending']);
  const trouble = async (uuid: string): Promise<unknown> => (await readOrder(site.database.pool, uuid))?.trouble;
  expect(await trouble(preprocessing)).toMatchObject({ code: 'ORDER_NEEDS_PREPROCESSING' });
  expect((await site.alice.imagesIn(dataset)).map((i) => i.name).sort()).toEqual(['after a restart.tif', 'first.tif']);
});

test('an import process that says nothing any more is ended and tried again; one that goes on slowly is not', async () => {
  const dataset = await site.dataset();
  const silent = join(site.storage, 'silent-once');
  // Silent the first time, then the real one.
  await writeFile(
    silent,
    `#!/bin/sh\nif mkdir "${site.storage}/logs-of-silence" 2>/dev/null; then exec sleep 600; fi\nexec "$@"\n`,
  );
  await chmod(silent, 0o755);
  await chmod(site.storage, 0o777);
  const command = [silent, ...site.config().importer.command];
  site.importer({ change: { command, stallSeconds: 3 } });
  const uuid = await site.order([await site.image('stalled.tif')], dataset);
  await site.until(async () => ((await readOrder(site.database.pool, uuid))?.trouble?.code ?? '') === 'IMPORT_STALLED');
  expect((await site.closed(uuid)).stage).toBe('Import Completed');
  await site.stop();
  // Three images that take longer together than the limit, and each of them less.
  site.process({ OMERO_STANDIN_PAUSE_MS: '1500' }, { stallSeconds: 4 });
  const slow = await slowOrder('slow');
  const closed = await site.closed(slow.uuid);
  expect([closed.stage, closed.trouble]).toEqual(['Import Completed', null]);
  expect(await site.stages(slow.uuid)).toEqual(['Pending', 'Started', 'Completed']);
}, 180_000);
