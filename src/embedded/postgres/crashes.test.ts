import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { serverUser } from '../../../test/support/server-user.ts';
import { identifyProcess, isAlive } from '../../lib/process-identity.ts';
import { findOrphans } from './running-server.ts';
import { dataFolder, kill, query, start, startElsewhere } from './testing/servers.ts';

test('kill -9 of the parent: the next start adopts the server, its sessions unharmed, and can stop it', async () => {
  const dataDir = await dataFolder();
  const { child, up } = startElsewhere(dataDir);
  const { url, pid } = await up;
  const session = new Client({ connectionString: url });
  await session.connect();
  await session.query('create temp table mine as select 7 as n');
  await kill(child);

  const server = await start(dataDir);
  expect(server).toMatchObject({ adopted: true, identity: { pid } });
  expect((await session.query('select n from mine')).rows).toEqual([{ n: 7 }]);
  await session.end();
  await server.stop();
  expect(isAlive(server.identity)).toBe(false);
  expect(existsSync(join(dataDir, 'cluster', 'postmaster.pid'))).toBe(false);
});

test('a folder reached by another name, or moved while its server ran, is still that folder', async () => {
  const dataDir = await dataFolder('place');
  const first = await start(dataDir);
  const link = join(dirname(dirname(dataDir)), 'link');
  await symlink(dirname(dataDir), link);
  const byLink = await start(join(link, 'postgres'));
  expect(byLink).toMatchObject({ adopted: true, identity: { pid: first.identity.pid } });

  const moved = join(dirname(dirname(dataDir)), 'moved');
  await rename(dirname(dataDir), moved);
  // The pid file still names the socket's old place: the server cannot be reached, and is started anew.
  const second = await start(join(moved, 'postgres'), { silentMs: 300 });
  expect(second.adopted).toBe(false);
  expect(isAlive(first.identity)).toBe(false);
  await second.stop();
});

test('kill -9 of the server in the middle of a long query: what was committed is there', async () => {
  const dataDir = await dataFolder();
  const first = await start(dataDir, { unsafeFast: false });
  await query(first.url('postgres'), 'create table kept as select 42 as n');
  const busy = query(first.url('postgres'), 'select count(*) from generate_series(1, 100000000000)').catch(() => 'cut');
  const asked = `select count(*)::int as n from pg_stat_activity where query like '%generate_series(1, 1%' and pid <> pg_backend_pid()`;
  await expect.poll(() => query(first.url('postgres'), asked)).toEqual([{ n: 1 }]);
  process.kill(first.identity.pid, 'SIGKILL');
  await expect.poll(() => isAlive(first.identity)).toBe(false);
  if (process.platform === 'linux') expect(findOrphans(join(dataDir, 'cluster')).length).toBeGreaterThan(0);

  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
  expect(await query(second.url('postgres'), 'select n from kept')).toEqual([{ n: 42 }]);
  expect(await busy).toBe('cut');
  await second.stop();
});

test('a stale pid file whose number another program has by now: that program is left alone', async () => {
  const dataDir = await dataFolder();
  const first = await start(dataDir);
  process.kill(first.identity.pid, 'SIGKILL');
  await expect.poll(() => isAlive(first.identity)).toBe(false);
  // Of the same user: only then does PostgreSQL itself take it for the server.
  const other = spawn('sleep', ['60'], { ...serverUser, cwd: '/', stdio: 'ignore' });
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other, 'spawn');
  const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
  const text = await readFile(pidFile, 'utf8');
  await writeFile(pidFile, text.replace(/^\d+/, String(other.pid)));

  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
  expect(identifyProcess(other.pid ?? 0)).not.toBeNull();
  await second.stop();
});

test('a pid file that names the server of another folder: that server is left alone', async () => {
  const [dataDir, otherDir] = [await dataFolder(), await dataFolder()];
  const [first, other] = [await start(dataDir), await start(otherDir)];
  process.kill(first.identity.pid, 'SIGKILL');
  await expect.poll(() => isAlive(first.identity)).toBe(false);
  const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
  await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(other.identity.pid)));

  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
  expect(isAlive(other.identity)).toBe(true);
  await Promise.all([second.stop(), other.stop()]);
});

test('a server that lives but does not answer is replaced', async () => {
  const dataDir = await dataFolder();
  const first = await start(dataDir);
  process.kill(first.identity.pid, 'SIGSTOP');
  const second = await start(dataDir, { silentMs: 500 });
  expect(second.adopted).toBe(false);
  expect(isAlive(first.identity)).toBe(false);
  expect(await query(second.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }]);
  await second.stop();
});

test('a server that is just shutting down is waited for, not adopted', async () => {
  const dataDir = await dataFolder();
  const first = await start(dataDir);
  const session = new Client({ connectionString: first.url('postgres') });
  session.on('error', () => undefined);
  await session.connect();
  // SIGTERM is the shutdown that waits for its sessions.
  process.kill(first.identity.pid, 'SIGTERM');
  setTimeout(() => void session.end(), 700);
  const second = await start(dataDir, { silentMs: 500 });
  expect(second.adopted).toBe(false);
  expect(isAlive(first.identity)).toBe(false);
  await second.stop();
});

test('kill -9 in the middle of initdb: the next start begins anew', async () => {
  const dataDir = await dataFolder();
  const { child, up } = startElsewhere(dataDir);
  up.catch(() => undefined);
  const begun = (): boolean =>
    existsSync(dataDir) &&
    readdirSync(dataDir).some(
      (name) => name.startsWith('cluster.partial') && existsSync(join(dataDir, name, 'PG_VERSION')),
    );
  await expect.poll(begun, { interval: 2, timeout: 20_000 }).toBe(true);
  await kill(child);
  expect(existsSync(join(dataDir, 'cluster'))).toBe(false);

  await (await start(dataDir)).stop();
  // The initdb that was left may have written on for a moment; it does not get in the way of this start or the next.
  const last = await start(dataDir);
  expect(await query(last.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }]);
  await last.stop();
});

test('kill -9 of the parent while the server starts: the next start has it or another', async () => {
  const dataDir = await dataFolder();
  await (await start(dataDir)).stop();
  for (let round = 0; round < 5; round++) {
    const { child, up } = startElsewhere(dataDir);
    up.catch(() => undefined);
    await expect
      .poll(() => existsSync(join(dataDir, 'cluster', 'postmaster.pid')), { interval: 1, timeout: 20_000 })
      .toBe(true);
    await kill(child);
    const server = await start(dataDir);
    expect(await query(server.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }]);
    await server.stop();
  }
});
