import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ImporterSite } from '../../src/importer/testing/importer-site.ts';
import { describeWithPart } from '../support/optional-part.ts';

/** Debian's package faketime; the folder has the machine's name. */
const library = readdirSync('/usr/lib', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => join('/usr/lib', entry.name, 'faketime', 'libfaketime.so.1'))
  .find((path) => existsSync(path));

describeWithPart('faketime', library !== undefined, 'an importer on a machine whose clock jumps', () => {
  let site: ImporterSite;
  let clock: string;
  beforeAll(async () => {
    site = await ImporterSite.open();
    clock = join(site.storage, 'clock');
  });
  afterEach(() => site.stop());
  afterAll(() => site?.drop());

  /** From now on the machine's clock shows this: an offset such as `-3600`, or a time after `@`. */
  const set = (time: string): Promise<void> => writeFile(clock, `${time}\n`, { mode: 0o644 });

  /** Time since the machine was started goes on as ever, as it does where somebody sets the clock. */
  const jumping = (): Record<string, string> => ({
    LD_PRELOAD: library ?? '',
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
    TZ: 'Europe/Amsterdam',
    OMERO_STANDIN_PAUSE_MS: '1200',
  });

  /** The clock as the importer sees it is noted on the images. */
  async function notedTimes(dataset: number): Promise<Date[]> {
    const ids = (await site.alice.imagesIn(dataset)).map((image) => image.id);
    const annotations = await site.alice.mapAnnotations('Image', ids, 'biomero.import');
    return annotations.map(({ pairs }) => new Date(new Map(pairs).get('Import_Timestamp') ?? ''));
  }

  test.each([
    ['an hour back', '+0', '-3600', -3_600],
    ['a day forward', '+0', '+86400', 86_400],
    ['over the end of summer time', '@2026-10-25 02:59:58', '@2026-10-25 02:00:01', null],
  ])(
    '%s, in the middle of an import: it keeps its lease, and the order is imported once',
    async (_, first, then, seconds) => {
      await set(first);
      site.process(jumping());
      const dataset = await site.dataset();
      const files = [];
      for (const i of [1, 2, 3]) files.push(await site.image(`clock-${dataset}-${i}.tif`));
      const uuid = await site.order(files, dataset);
      await site.until(() =>
        site.some('select 1 from bridge.import_sessions where order_uuid = $1 and process is not null', [uuid]),
      );
      const token = async (): Promise<unknown> =>
        (await site.database.pool.query('select token from bridge.leases where resource = $1', [`order:${uuid}`])).rows;
      const before = await token();
      // Another one, whose clock is right, would take what is free.
      await site.importer().begun();
      await set(then);
      expect(await site.closed(uuid, 60_000)).toMatchObject({ stage: 'Import Completed', trouble: null });
      expect(await token()).toEqual(before);
      expect(await site.stages(uuid)).toEqual(['Pending', 'Started', 'Completed']);
      expect((await site.alice.imagesIn(dataset)).length).toBe(3);
      // Stages have the database's time, and it was this machine's clock that jumped.
      const { rows } = await site.database.pool.query<{ old: number }>(
        `select extract(epoch from clock_timestamp() - "timestamp")::float8 as old from imports where uuid = $1`,
        [uuid],
      );
      for (const { old } of rows) expect(old).toBeGreaterThanOrEqual(0);
      for (const { old } of rows) expect(old).toBeLessThan(120);
      const noted = await notedTimes(dataset);
      expect(noted).toHaveLength(3);
      for (const at of noted) {
        const expected = seconds === null ? Date.parse('2026-10-25T02:00:01+01:00') : Date.now() + seconds * 1000;
        // Which of the two hours of that name is meant, nobody can tell.
        const apart = Math.abs(at.getTime() - expected) % (seconds === null ? 3_600_000 : Infinity);
        expect(apart).toBeLessThan(120_000);
      }
    },
    120_000,
  );

  test('back and forth: waits, beats and the next tries go on', async () => {
    await set('+0');
    const importer = site.process({ ...jumping(), OMERO_STANDIN_PAUSE_MS: '0' });
    const dataset = await site.dataset();
    for (const [i, time] of ['-3600', '+86400', '-86400', '+0'].entries()) {
      await set(time);
      // No producer of ours: it is found by looking, four times a second.
      const path = await site.image(`forth-${i}.tif`);
      const uuid = await site.row({ destination_id: String(dataset), files: JSON.stringify([path]) });
      expect((await site.closed(uuid, 20_000)).stage).toBe('Import Completed');
    }
    const since = new Date();
    await sleep(100);
    await site.until(() => site.some('select 1 from bridge.heartbeats where at > $1', [since]), 10_000);
    expect(importer.exitCode).toBeNull();
  }, 120_000);
});
