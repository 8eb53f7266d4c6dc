import { readdir, readFile } from 'node:fs/promises';
import { packageFile } from './package-root.ts';
import { bridgeError } from '../domain/errors.ts';
import { transaction, type Database, type Pool } from './database.ts';

/**
 * Brings one part of schema `bridge` up to date: `runs` (beside BIOMERO's log) or `orders` (beside `imports`); both may
 * stand in one database. Each numbered file runs once. Several processes may call it at the same time: an advisory
 * lock makes them take turns.
 */
export async function migrate(pool: Pool, part: 'runs' | 'orders'): Promise<void> {
  const dir = packageFile('migrations', part);
  const files = (await readdir(dir)).filter((f) => f.endsWith('.sql')).sort();
  await transaction(pool, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('biomero_bridge_migrations'))`);
    await refuseRoleOfThatName(tx);
    // Looked up first: `if not exists` trusts a cache that may not know yet what another process just made.
    const { rowCount } = await tx.query(`select 1 from pg_namespace where nspname = 'bridge'`);
    if (!rowCount) await tx.query('create schema bridge');
    await tx.query(`create table if not exists bridge.migrations (
      part text not null, file text not null, applied_at timestamptz not null default clock_timestamp(),
      primary key (part, file))`);
    const { rows } = await tx.query<{ file: string }>('select file from bridge.migrations where part = $1', [part]);
    const applied = new Set(rows.map((r) => r.file));
    // Functions about orders name BIOMERO's `imports`, which a database of runs alone does not have.
    await tx.query('set local check_function_bodies = off');
    for (const file of files) {
      if (applied.has(file)) continue;
      await tx.query(await readFile(`${dir}/${file}`, 'utf8'));
      await tx.query('insert into bridge.migrations (part, file) values ($1, $2)', [part, file]);
    }
  });
}

/** Which changes of a part are not applied yet, and which are applied that this version does not know. Nothing is written. */
export async function compareMigrations(
  db: Database,
  part: 'runs' | 'orders',
): Promise<{ missing: string[]; foreign: string[] }> {
  const known = (await readdir(packageFile('migrations', part))).filter((f) => f.endsWith('.sql')).sort();
  const { rows: found } = await db.query<{ there: boolean }>(
    `select to_regclass('bridge.migrations') is not null as there`,
  );
  if (!found[0]?.there) return { missing: known, foreign: [] };
  const { rows } = await db.query<{ file: string }>('select file from bridge.migrations where part = $1', [part]);
  const applied = new Set(rows.map((r) => r.file));
  return { missing: known.filter((f) => !applied.has(f)), foreign: [...applied].filter((f) => !known.includes(f)) };
}

/** A role called `bridge` would find our schema before `public`, and make BIOMERO's tables in it. */
async function refuseRoleOfThatName(tx: Database): Promise<void> {
  const { rowCount } = await tx.query(`select 1 where current_user = 'bridge'`);
  if (rowCount) throw bridgeError('DATABASE_ROLE_REFUSED', {});
}
