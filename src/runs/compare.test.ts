import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { stepNames } from '../domain/vocabulary.ts';
import { compareWithLastGood } from './compare.ts';
import { readRun } from './read-runs.ts';
import { insertRun } from './write-run.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
});
afterAll(() => db.drop());

interface Given {
  hoursAgo: number;
  outcome?: 'done' | 'failed';
  parameters?: Record<string, unknown>;
  version?: string;
  group?: number;
  user?: number;
  workflow?: string;
  followSeconds?: number;
}

async function newRun(given: Given): Promise<string> {
  const id = randomUUID();
  await insertRun(
    db.pool,
    {
      id,
      taskId: randomUUID(),
      workflowTaskId: randomUUID(),
      workflow: given.workflow ?? 'nuclei',
      workflowVersion: given.version ?? '1',
      parameters: given.parameters ?? {},
      recipe: 'import-results',
      user: { id: given.user ?? 1, name: 'u' },
      group: { id: given.group ?? 5, name: 'g' },
      input: { type: 'Dataset', id: 1, name: 'input' },
      dataPath: 'data',
      status: 'INITIALIZING',
    },
    stepNames,
  );
  await db.pool.query(
    `update bridge.runs set launched_at = now() - make_interval(hours => $2), outcome = $3 where id = $1`,
    [id, given.hoursAgo, given.outcome ?? null],
  );
  await db.pool.query(
    `update bridge.steps set started_at = now(), ended_at = now() + make_interval(secs => $2)
     where run_id = $1 and step = 'follow'`,
    [id, given.followSeconds ?? 10],
  );
  return id;
}

async function compare(id: string, visible: Parameters<typeof compareWithLastGood>[2] = null) {
  const run = await readRun(db.pool, id);
  if (!run) throw new Error('no run');
  return compareWithLastGood(db.pool, run, visible);
}

test('a run is compared with the last one of its workflow that ended well before it and may be seen', async () => {
  const secret = await newRun({ hoursAgo: 1, outcome: 'done', group: 9 });
  await newRun({ hoursAgo: 2, outcome: 'failed' });
  await newRun({ hoursAgo: 2, outcome: 'done', workflow: 'other' });
  const good = await newRun({ hoursAgo: 3, outcome: 'done', parameters: { size: 3, mode: 'a' } });
  await newRun({ hoursAgo: 4, outcome: 'done' });
  const id = await newRun({
    hoursAgo: 0,
    parameters: { size: 4, extra: true, mode: 'a' },
    version: '2',
    followSeconds: 100,
  });
  const member = { wholeGroups: [5], ownGroups: [5], userId: 7 };
  const { other, rows } = await compare(id, member);
  expect(other?.id).toBe(good);
  expect((await compare(id)).other?.id).toBe(secret);
  expect((await compare(id, { wholeGroups: [], ownGroups: [5], userId: 7 })).other).toBeNull();
  expect(rows.filter((r) => r.differs).map((r) => [r.name, r.here, r.there])).toEqual([
    ['Version', '2', '1'],
    ['extra', 'true', null],
    ['size', '4', '3'],
    ['Step follow', 100_000, 10_000],
  ]);
  expect(rows.find((r) => r.name === 'mode')?.differs).toBe(false);
});

test('the first run of a workflow is compared with nothing', async () => {
  const id = await newRun({ hoursAgo: 0, workflow: 'first' });
  expect(await compare(id)).toEqual({ other: null, rows: [] });
});
