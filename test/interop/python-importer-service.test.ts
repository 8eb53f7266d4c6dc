import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { DoctorResult } from '../../src/doctor/check.ts';
import { importers } from '../../src/doctor/checks/importers.ts';
import { doctorSite, lookWith } from '../../src/doctor/testing/doctor-site.ts';
import { readOrder } from '../../src/orders/read-order.ts';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { hasPythonImporter, PythonImporter } from '../support/python-importer.ts';

describeWithPart('Python peers', hasPythonImporter, "BIOMERO's own importer, the whole service", () => {
  let site: ImporterSite;
  let peer: PythonImporter | null = null;

  beforeAll(async () => {
    site = await ImporterSite.open();
  });
  afterEach(async () => {
    await site.stop();
    await peer?.stop();
    peer = null;
    await site.database.pool.query('delete from bridge.heartbeats');
  });
  afterAll(() => site?.drop());

  const lookAtImporters = async (): Promise<DoctorResult> => lookWith(importers, await doctorSite(site.database));

  test('imports what our producer ordered, on the tables that we made, and we read its stages', async () => {
    const dataset = await site.dataset();
    const uuid = await site.order([await site.image('for-python.tif')], dataset);
    // Orders from before it started are closed by it as dangling; that is how it is.
    peer = await PythonImporter.start(site.database.url);
    const dangling = await site.closed(uuid, 60_000);
    expect(dangling.stage).toBe('Import Failed');
    const later = await site.order([await site.image('for-python-later.tif')], dataset);
    const closed = await site.closed(later, 60_000);
    expect([closed.stage, peer.output.includes('Traceback')]).toEqual(['Import Completed', false]);
    expect(await site.stages(later)).toEqual(['Pending', 'Started', 'Completed']);
    expect((await readOrder(site.database.pool, later))?.startedAt).toBeInstanceOf(Date);
    expect((await peer.counts()).imports).toBe(1);
    expect(await lookAtImporters()).toMatchObject({ outcome: 'ok', found: expect.stringContaining('Python importer') });
  }, 120_000);

  test('at work beside ours makes ours stop claiming, and say so', async () => {
    const dataset = await site.dataset();
    peer = await PythonImporter.start(site.database.url);
    await site.importer().begun();
    // Whoever of the two takes it first, orders come until Python has written a stage.
    const stopped = site.until(() => site.some(`select 1 from bridge.heartbeats where detail ? 'stopped'`, []), 90_000);
    let done = false;
    void stopped.then(() => (done = true));
    for (let i = 0; !done; i++) {
      await site.order([await site.image(`both-${i}.tif`)], dataset);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await stopped;
    expect(await lookAtImporters()).toMatchObject({ outcome: 'problem', remedy: expect.stringContaining('Stop one') });
    const mine = await site.database.pool.query(`select max(row_id)::int as newest from bridge.order_stages`);
    const uuid = await site.order([await site.image('after-both.tif')], dataset);
    expect((await site.closed(uuid, 60_000)).stage).toBe('Import Completed');
    // Python's stages alone: what ours had begun it has finished, and it began nothing more.
    const { rows } = await site.database.pool.query(
      `select count(*)::int as n from imports i join bridge.order_stages s on s.row_id = i.id where i.uuid = $1`,
      [uuid],
    );
    expect(rows).toEqual([{ n: 0 }]);
    expect(mine.rows[0]).toBeDefined();
  }, 180_000);
});
