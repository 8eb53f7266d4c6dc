import { expect, test } from 'vitest';
import { createTestDatabase } from './postgres.ts';

test('each test database is its own, empty or migrated', async () => {
  const [empty, first, second] = await Promise.all([
    createTestDatabase(),
    createTestDatabase({ migrations: true }),
    createTestDatabase({ migrations: true }),
  ]);
  try {
    const schemas = `select count(*)::int as n from pg_namespace where nspname = 'bridge'`;
    expect((await empty.pool.query(schemas)).rows).toEqual([{ n: 0 }]);
    expect((await first.pool.query(schemas)).rows).toEqual([{ n: 1 }]);
    await first.pool.query('create table bridge.only_here (n int)');
    await expect(second.pool.query('select * from bridge.only_here')).rejects.toMatchObject({ code: '42P01' });
  } finally {
    await Promise.all([empty.drop(), first.drop(), second.drop()]);
  }
});

test('drop removes the database, and says when the test forgot to release a connection', async () => {
  const database = await createTestDatabase();
  const forgotten = await database.pool.connect();
  forgotten.on('error', () => undefined);
  await expect(database.drop()).rejects.toThrow('did not release');
  forgotten.release();
  const another = await createTestDatabase();
  const { rows } = await another.pool.query(`select datname from pg_database where datname = $1`, [
    /test_[0-9a-f]+/.exec(database.url)?.[0],
  ]);
  await another.drop();
  expect(rows).toEqual([]);
});
