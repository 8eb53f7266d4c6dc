import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import pg from 'pg';
import { openPool, type Pool } from '../../src/lib/database.ts';

export interface TestDatabase {
  url: string;
  pool: Pool;
  /** Closes the pool and removes the database, cutting what is still connected. */
  drop(): Promise<void>;
}

/** A new, empty database on the test run's PostgreSQL. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const admin = inject('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await once(admin, `create database ${name} template template0`);
  const url = admin.replace('/postgres?', `/${name}?`);
  const pool = openPool(url);
  return {
    url,
    pool,
    async drop() {
      await pool.end();
      await once(admin, `drop database ${name} with (force)`);
    },
  };
}

async function once(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
