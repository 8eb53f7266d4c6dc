import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { normaliseDatabaseUrl } from '../../src/config/database-url.ts';
import { openPool } from '../../src/lib/database.ts';
import { LeaseHolder } from '../../src/lib/lease.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { ensureImports } from '../../src/orders/ensure-imports.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { hasPythonImporter, python } from '../support/python-importer.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const secret = 'p%40:/?#ß 100% "x\'';

/** A database of a role that PostgreSQL asks for this password; its URL as a site writes it for SQLAlchemy. */
async function databaseWithPassword(): Promise<{ database: TestDatabase; role: string; url: string }> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const { pool } = database;
  const role = `secretive_${randomUUID().slice(0, 8)}`;
  await pool.query(`create role ${role} login password '${secret.replaceAll("'", "''")}'`);
  onTestFinished(async () => void (await pool.query(`drop role if exists ${role}`)));
  onTestFinished(
    async () => void (await pool.query(`reassign owned by ${role} to current_user; drop owned by ${role}`)),
  );
  const { rows } = await pool.query<{ name: string; hba: string; sockets: string }>(
    `select current_database() as name, current_setting('hba_file') as hba, current_setting('unix_socket_directories') as sockets`,
  );
  const { name = '', hba = '' } = rows[0] ?? {};
  const sockets = (rows[0]?.sockets ?? '').replaceAll('"', '');
  await pool.query(`alter database ${name} owner to ${role}`);
  await pool.query(`alter schema public owner to ${role}`);
  const rules = await readFile(hba, 'utf8');
  await writeFile(hba, `local all ${role} scram-sha-256\n${rules}`);
  await pool.query('select pg_reload_conf()');
  const url = `postgresql+psycopg2://${role}:${encodeURIComponent(secret)}@/${name}?host=${sockets}&port=5432`;
  return { database, role, url };
}

test('a password with everything in it: SQLAlchemy’s URL reaches the same database, tables and leases', async () => {
  const { role, url } = await databaseWithPassword();
  const ours = normaliseDatabaseUrl(url);
  if ('wrong' in ours) throw new Error(ours.wrong);
  const wrong = openPool(ours.url.replace('100', '101'), { max: 1 });
  onTestFinished(() => wrong.end());
  await expect(wrong.query('select 1')).rejects.toThrow(/password authentication failed/);
  const pool = openPool(ours.url, { max: 2 });
  onTestFinished(() => pool.end());
  const { rows } = await pool.query<{ who: string }>('select current_user as who');
  expect(rows).toEqual([{ who: role }]);
  await ensureImports(pool);
  const leases = await LeaseHolder.open(ours.url, { holder: 'x' });
  expect(await leases.acquire('order:x')).not.toBeNull();
  await leases.close();
});

describeWithPart('Python peers', hasPythonImporter, 'a password with everything in it', () => {
  test('Python’s producer writes into the tables that we made, by the very same URL', async () => {
    const { database, url } = await databaseWithPassword();
    const ours = normaliseDatabaseUrl(url);
    if ('wrong' in ours) throw new Error(ours.wrong);
    const pool = openPool(ours.url, { max: 1 });
    await ensureImports(pool);
    await pool.end();
    const order = {
      ...{
        Group: 'g',
        Username: 'u',
        UUID: randomUUID(),
        DestinationID: '1',
        DestinationType: 'Dataset',
        Files: ['/a'],
      },
    };
    const { status, stderr } = spawnSync(python, [packageFile('test/interop/importer_peer.py')], {
      // Its own migration cannot take a `%` in the URL, and is not asked for.
      input: JSON.stringify({ url, migrate: false, log: [[order, 'Import Pending']], read: [] }),
      encoding: 'utf8',
    });
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    const { rows } = await database.pool.query('select uuid, stage from imports');
    expect(rows).toEqual([{ uuid: order.UUID, stage: 'Import Pending' }]);
  });
});
