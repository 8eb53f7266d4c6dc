import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import type { ImportOutcome, ImportRun } from '../omero/agent/run-import.ts';
import { ImporterSite } from './testing/importer-site.ts';

let site: ImporterSite;
beforeAll(async () => {
  site = await ImporterSite.open();
});
afterEach(() => site.stop());
afterAll(() => site?.drop());

/** An import program that takes until it is told, of nothing that OMERO could read. */
const program =
  (ended: Promise<void>) =>
  async (run: ImportRun): Promise<ImportOutcome> => {
    const slow = run.paths.some((path) => path.includes('slow'));
    if (slow) await Promise.race([ended, sleep(60_000, null, { signal: run.signal, ref: false })]);
    const errors = run.paths.map((file) => ({ file, reason: 'it is no image' }));
    return { exitCode: 3, killed: null, filesets: [], errors, stderrTail: '' };
  };

test('an order that was taken while imports were short is given back when they are not, and another importer does it', async () => {
  const dataset = await site.dataset();
  const row = async (name: string, db: Database = site.database.pool): Promise<string> =>
    site.row({ files: JSON.stringify([await site.image(`${name}.tif`)]), destination_id: String(dataset) }, db as Pool);
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  site.importer({ change: { maxWorkers: 1 }, importFiles: program(ended) });
  await site.closed(await row('quick'));

  // All at once: how long the first takes must not show before the others are taken.
  const names = ['slow-1', 'slow-2', 'slow-3'];
  const [first = '', ...later] = await transaction(site.database.pool, async (tx) => {
    const uuids: string[] = [];
    for (const name of names) uuids.push(await row(name, tx));
    return uuids;
  });
  for (const uuid of [first, ...later]) await site.until(async () => (await site.stages(uuid)).includes('Started'));

  site.importer({ change: { maxWorkers: 2 }, importFiles: program(Promise.resolve()) });
  for (const uuid of later) expect((await site.closed(uuid)).stage).toBe('Import Failed');
  expect(await site.stages(first)).toEqual(['Pending', 'Started']);
  for (const uuid of later) expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Failed']);
  expect(await site.some('select 1 from bridge.order_attempts', [])).toBe(false);
  end();
  expect((await site.closed(first)).stage).toBe('Import Failed');
});
