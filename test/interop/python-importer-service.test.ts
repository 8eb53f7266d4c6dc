import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
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

  test('when it is killed its workers go on, and its stop ends them as well', async () => {
    peer = await PythonImporter.start(site.database.url, { seconds: 60 });
    const group = peer.process.pid ?? 0;
    const dataset = await site.dataset();
    // It forks a worker for the first order that it takes, and closes those from before it listened.
    for (let i = 0; i < 60 && livingIn(group) < 2; i++) {
      await site.order([await site.image(`killed-${i}.tif`)], dataset);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect(livingIn(group)).toBeGreaterThan(1);
    const ended = once(peer.process, 'exit');
    peer.process.kill('SIGKILL');
    await ended;
    expect(livingIn(group)).toBeGreaterThan(0);
    await peer.stop();
    expect(livingIn(group)).toBe(0);
  }, 120_000);
});

/** How many processes of a group live; those that nobody has asked for the end of do not. */
function livingIn(group: number): number {
  const lines = execFileSync('ps', ['-eo', 'pgid=,stat='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => new RegExp(`^ *${group} +[^Z ]`).test(line)).length;
}
