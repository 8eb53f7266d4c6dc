import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { Client } from 'pg';
import { openPool, type Pool } from '../../src/lib/database.ts';
import { migrate } from '../../src/lib/migrate.ts';

export interface TestDatabase {
  url: string;
  pool: Pool;
  /** Closes the pool and removes the database, cutting what is still connected. */
  drop(): Promise<void>;
}

/**
 * A new database on the test run's PostgreSQL: empty, or with both parts of schema `bridge` when `migrations` is set.
 * Either takes about 20 ms, as the migrations run once, into a template.
 */
export async function createTestDatabase(options: { migrations?: boolean } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = options.migrations ? await migratedTemplate() : 'template0';
  await once(`create database ${name} template ${template}`);
  const pool = openPool(urlOf(name));
  return {
    url: urlOf(name),
    pool,
    async drop() {
      const ended = await Promise.race([
        pool.end().then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 2_000).unref()),
      ]);
      await once(`drop database if exists ${name} with (force)`);
      if (!ended) throw new Error('the test took a connection of the pool and did not release it');
    },
  };
}

const template = 'migrated_template';
let made: Promise<string> | undefined;

/** Made once per test run, whichever of the test processes comes first. */
function migratedTemplate(): Promise<string> {
  made ??= makeTemplate();
  return made;
}

async function makeTemplate(): Promise<string> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(hashtext('${template}'))`);
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [template]);
    if (rowCount) return template;
    // Renamed when complete: a migration that failed leaves no half template for the next test file.
    const partial = `${template}_${randomBytes(4).toString('hex')}`;
    await client.query(`create database ${partial} template template0`);
    const pool = openPool(urlOf(partial));
    try {
      await migrate(pool, 'runs');
      await migrate(pool, 'orders');
    } finally {
      await pool.end();
    }
    await client.query(`alter database ${partial} rename to ${template}`);
    return template;
  } finally {
    await client.end();
  }
}

function urlOf(database: string): string {
  return inject('postgresUrl').replace('/postgres?', `/${database}?`);
}

async function once(sql: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
