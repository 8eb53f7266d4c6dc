import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { countRuns, everyRun, findVisibleRuns, idsFrom, readRunNames } from './list-runs.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
  for (const [i, names] of [
    ['Dataset Ä', 'out'],
    ['100%_done', null],
    [null, 'x\\y'],
  ].entries())
    await db.pool.query(
      `insert into bridge.runs (id, task_id, workflow_task_id, workflow, workflow_version, parameters, recipe, user_id,
         user_name, group_id, group_name, input_name, destination_name, data_path, job_id, status)
       values ($1, gen_random_uuid(), gen_random_uuid(), 'Cellpose', '1', '{}', 'import-results', 1, 'u', 1, 'g', $2, $3, 'd', $4, 'DONE')`,
      [`abcd${i}000-0000-4000-8000-000000000000`, names[0], names[1], 4711 + i],
    );
});
afterAll(() => db.drop());

async function found(text: string): Promise<number[]> {
  const runs = await findVisibleRuns(db.pool, { ...everyRun, text }, 10, null);
  return runs.map((r) => (r.job?.id ?? 0) - 4711).sort();
}

test('a run is found by a part of its names in any case, by the beginning of its id, and by its job', async () => {
  expect(await found('CELLP')).toEqual([0, 1, 2]);
  expect(await found('DATASET Ä')).toEqual([0]);
  expect(await found('abcd1')).toEqual([1]);
  expect(await found('ABCD2000-0000')).toEqual([2]);
  expect(await found('4712')).toEqual([1]);
  expect(await found('nothing')).toEqual([]);
});

test('what is searched for is never a pattern', async () => {
  expect(await found('%')).toEqual([1]);
  expect(await found('_')).toEqual([1]);
  expect(await found('\\')).toEqual([2]);
});

test('the ids that begin with a text', () => {
  expect(idsFrom('ab')).toEqual({
    first: 'ab000000-0000-0000-0000-000000000000',
    last: 'abffffff-ffff-ffff-ffff-ffffffffffff',
  });
  for (const none of ['xyz', 'abcd12345', 'a-', `${'a'.repeat(8)}-${'a'.repeat(40)}`]) expect(idsFrom(none)).toBeNull();
});

test('counts and names are of those runs that somebody may see, each name once', async () => {
  await db.pool.query(
    `insert into bridge.runs (id, task_id, workflow_task_id, workflow, workflow_version, parameters, recipe, user_id,
       user_name, group_id, group_name, data_path, status, outcome, ended_at, abandoned_at)
     select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'w' || n % 3, '1', '{}', 'import-results', n % 5,
       'user ' || n % 5, 10 + n % 4, 'group ' || n % 4, 'd', 'DONE', case n % 10 when 1 then 'failed' else 'done' end, now(),
       case when n % 20 = 1 then now() end
     from generate_series(1, 6000) n`,
  );
  const member = { wholeGroups: [10], ownGroups: [11], userId: 2 };
  expect(await countRuns(db.pool, everyRun)).toEqual({
    ...{ running: 3, attention: 0, done: 5_400, failed: 300, 'given-up': 300 },
  });
  expect(await countRuns(db.pool, { ...everyRun, visible: member })).toMatchObject({ done: 1_500 + 300 });
  expect(await readRunNames(db.pool, null)).toEqual({
    groups: ['g', 'group 0', 'group 1', 'group 2', 'group 3'],
    users: ['u', 'user 0', 'user 1', 'user 2', 'user 3', 'user 4'],
    workflows: ['Cellpose', 'w0', 'w1', 'w2'],
  });
  expect(await readRunNames(db.pool, member)).toMatchObject({ groups: ['group 0', 'group 1'] });
  expect(await readRunNames(db.pool, { wholeGroups: [], ownGroups: [], userId: 2 })).toMatchObject({ groups: [] });
});

test('searching uses an index, where the server has the means for it', async () => {
  const { rows } = await db.pool.query<{ indexdef: string }>(
    `select indexdef from pg_indexes where schemaname = 'bridge' and indexname = 'runs_names'`,
  );
  expect(rows[0]?.indexdef).toContain('gin_trgm_ops');
});
