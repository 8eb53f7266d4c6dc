import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import type { DoctorResult } from '../doctor/check.ts';
import { ensureImports } from '../orders/ensure-imports.ts';
import { Health } from './health-checks.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ migrations: true });
  await ensureImports(database.pool);
});
afterAll(() => database.drop());

test('the doctor is asked once for all who look, and anew when somebody asks again', async () => {
  let looks = 0;
  const result = {
    id: 'storage',
    title: 'storage',
    found: 'gone',
    remedy: 'Mount it.',
    code: null,
    fixed: null,
    ms: 1,
  };
  const doctor = (): Promise<DoctorResult[]> => {
    looks++;
    return Promise.resolve([{ ...result, outcome: 'problem', who: 'it' }]);
  };
  const health = new Health({ sources: { runs: database.pool, orders: database.pool }, doctor });
  const [first, same] = await Promise.all([health.read(false), health.read(false)]);
  expect(same).toBe(first);
  expect(await health.read(false)).toBe(first);
  expect(looks).toBe(1);
  const [again] = await Promise.all([health.read(true), health.read(true)]);
  expect(looks).toBe(2);
  expect(again.checks.find((c) => c.id === 'storage')).toEqual({
    id: 'storage',
    title: 'Storage',
    outcome: 'failed',
    detail: 'gone',
    remedy: 'Mount it.',
    who: 'it',
    code: null,
    ms: 1,
  });
  expect(again.checks.map((c) => c.id)).toEqual(['queue', 'runs', 'storage']);
});
