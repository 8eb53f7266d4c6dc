import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithPart } from '../../../test/support/optional-part.ts';
import { pgbouncer, startPgbouncer } from '../../../test/support/pgbouncer.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { openPool } from '../../lib/database.ts';
import type { DoctorResult } from '../check.ts';
import { doctorSite, lookWith } from '../testing/doctor-site.ts';
import { wakeUps } from './wake-ups.ts';

describeWithPart('pgbouncer', pgbouncer !== null, 'notifications through a pooler', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase({ migrations: true });
  });
  afterAll(() => database.drop());

  async function through(mode: 'session' | 'transaction'): Promise<DoctorResult> {
    const pooler = await startPgbouncer(database.url, mode);
    const pool = openPool(pooler.url);
    try {
      const site = await doctorSite(database, { runs: pool, orders: pool });
      const databases = { runs: pooler.url, orders: pooler.url };
      return await lookWith(wakeUps, { ...site, config: { ...site.config, databases } });
    } finally {
      await pool.end();
      await pooler.stop();
    }
  }

  test('one that keeps sessions passes them on', async () => {
    expect((await through('session')).outcome).toBe('ok');
  }, 180_000);

  test('one that shares connections between transactions drops them, which is told', async () => {
    expect(await through('transaction')).toMatchObject({
      outcome: 'warning',
      found: expect.stringContaining('silent'),
      remedy: expect.stringContaining('session mode'),
    });
  }, 180_000);
});
