import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serverUser } from '../../../test/support/server-user.ts';
import { isAlive } from '../../lib/process-identity.ts';
import { dataFolder, query, start } from './testing/servers.ts';

test('a new folder becomes a server that keeps its data from start to start', async () => {
  const dataDir = await dataFolder();
  const first = await start(dataDir);
  expect(first.adopted).toBe(false);
  await Promise.all([
    first.ensureDatabase('omero'),
    first.ensureDatabase('omero'),
    first.ensureDatabase('odd näme "x"'),
  ]);
  await query(first.url('omero'), 'create table kept as select 42 as n');
  expect(await query(first.url('odd näme "x"'), 'select current_database() as name')).toEqual([
    { name: 'odd näme "x"' },
  ]);
  await first.stop();
  expect(isAlive(first.identity)).toBe(false);
  await first.stop();

  const second = await start(dataDir);
  expect(second.adopted).toBe(false);
  expect(await query(second.url('omero'), 'select n from kept')).toEqual([{ n: 42 }]);
  await second.stop();
});

test('only the user of the server can connect, and only by the socket', async () => {
  const dataDir = await dataFolder();
  const server = await start(dataDir);
  const uid = serverUser?.uid ?? process.getuid?.();
  const sockets = await lstat(join(dataDir, 'sockets'));
  expect([sockets.mode & 0o777, sockets.uid]).toEqual([0o700, uid]);
  expect((await stat(join(dataDir, 'cluster'))).uid).toBe(uid);
  expect(
    await query(server.url('postgres'), `select name, setting from pg_settings where name = 'listen_addresses'`),
  ).toEqual([{ name: 'listen_addresses', setting: '' }]);
  const rules = await query(
    server.url('postgres'),
    'select distinct type, auth_method from pg_hba_file_rules order by 1',
  );
  expect(rules).toEqual([
    { type: 'host', auth_method: 'reject' },
    { type: 'local', auth_method: 'trust' },
  ]);
  const owner = execFileSync('ps', ['-o', 'uid=', '-p', String(server.identity.pid)], { encoding: 'utf8' });
  expect(Number(owner)).toBe(uid);
  await server.stop();
});

test('commits are durable and Ctrl-C in the terminal does not reach the server', async () => {
  const dataDir = await dataFolder();
  const server = await start(dataDir, { unsafeFast: false });
  const rows = await query(
    server.url('postgres'),
    `select name || '=' || setting as s from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by 1`,
  );
  expect(rows.map((row) => row['s'])).toEqual(['fsync=on', 'full_page_writes=on', 'synchronous_commit=on']);
  const groupOf = (pid: number): string =>
    execFileSync('ps', ['-o', 'pgid=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  expect(groupOf(server.identity.pid)).not.toBe(groupOf(process.pid));
  await server.stop();
});

test('variables of the caller do not change where the URL leads', async () => {
  const server = await start(await dataFolder());
  for (const [name, value] of [
    ['PGPORT', '1'],
    ['PGSSLMODE', 'require'],
    ['PGHOST', '127.0.0.1'],
  ] as const) {
    const before = process.env[name];
    process.env[name] = value;
    onTestFinished(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  expect(await query(server.url('postgres'), 'select current_user as name')).toEqual([{ name: 'biomero' }]);
  await server.stop();
});

test('a folder whose path is too long for a socket and holds signs that lists are split at', async () => {
  const dataDir = await dataFolder("Projekt Ä, 2026; (a) 'b' &c", 'x'.repeat(120));
  const server = await start(dataDir);
  expect(await query(server.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }]);
  const sockets = new URL(server.url('x').replace('@/', '@h/')).searchParams.get('host') ?? '';
  onTestFinished(() => rm(sockets, { recursive: true, force: true }));
  expect(sockets.length).toBeLessThan(90);
  expect((await stat(sockets)).mode & 0o777).toBe(0o700);
  await server.stop();

  const again = await start(dataDir);
  expect(again.url('x')).toBe(server.url('x'));
  await again.stop();
});

test('a path with such signs that is short enough for its own socket', async () => {
  const server = await start(await dataFolder('a (b) ü'));
  expect(server.url('x')).toContain(encodeURIComponent('a (b) ü/postgres/sockets'));
  expect(await query(server.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a path with a comma, which a libpq URL cannot say, gets its socket elsewhere', async () => {
  const server = await start(await dataFolder('a,b'));
  const sockets = new URL(server.url('x').replace('@/', '@h/')).searchParams.get('host') ?? '';
  onTestFinished(() => rm(sockets, { recursive: true, force: true }));
  expect(sockets).not.toContain(',');
  expect(await query(server.url('postgres'), 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a path with signs that initdb would have a shell read is refused', async () => {
  for (const name of ['a"b', '$(touch here)', '`x`', 'back\\slash', 'new\nline']) {
    const dataDir = await dataFolder(name);
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'DATA_FOLDER_NAME' });
  }
});

test('a socket folder that somebody prepared is refused', async () => {
  const dataDir = await dataFolder();
  await (await start(dataDir)).stop();
  const [sockets, elsewhere] = [join(dataDir, 'sockets'), join(dirname(dataDir), 'elsewhere')];
  await mkdir(elsewhere, { mode: 0o700 });
  await rm(sockets, { recursive: true });
  await symlink(elsewhere, sockets);
  await expect(start(dataDir)).rejects.toMatchObject({ code: 'SOCKET_FOLDER_UNSAFE' });
  expect((await stat(elsewhere)).uid).toBe(process.getuid?.());

  await rm(sockets);
  await mkdir(sockets);
  await chmod(sockets, 0o777);
  if (process.getuid?.() !== 0) await expect(start(dataDir)).rejects.toMatchObject({ code: 'SOCKET_FOLDER_UNSAFE' });
});

test('a database of another major version is refused, untouched', async () => {
  const dataDir = await dataFolder();
  await (await start(dataDir)).stop();
  await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '17\n');
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'POSTGRES_VERSION_DIFFERS',
    params: { found: '17', ours: '18' },
  });
  await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '18\n');
  await (await start(dataDir)).stop();
});

test('a server that cannot start says why, in its own words', async () => {
  const dataDir = await dataFolder();
  await (await start(dataDir)).stop();
  await rename(join(dataDir, 'cluster', 'global', 'pg_control'), join(dataDir, 'pg_control'));
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'POSTGRES_FAILED',
    message: expect.stringMatching(/exit code [12].*pg_control/s),
  });
});

test('a full log is put aside once', async () => {
  const dataDir = await dataFolder();
  await (await start(dataDir)).stop();
  await writeFile(join(dataDir, 'postgres.log'), Buffer.alloc(10_000_001, 'x'));
  await (await start(dataDir)).stop();
  expect((await stat(join(dataDir, 'postgres.log.1'))).size).toBe(10_000_001);
  expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).toContain('ready to accept connections');
});

test('the copy of the programs is made once; halves of one are cleared', async () => {
  const dataDir = await dataFolder();
  await mkdir(join(dataDir, '.bin-0badcafe'), { recursive: true });
  const long = new Date(Date.now() - 3_600_000);
  await utimes(join(dataDir, '.bin-0badcafe'), long, long);
  await (await start(dataDir)).stop();
  const names = await readdir(dataDir);
  expect(names.filter((name) => name.includes('bin-'))).toHaveLength(1);
  const copy = join(dataDir, names.find((name) => name.startsWith('bin-')) ?? '');
  const before = await stat(join(copy, 'bin', 'postgres'));
  await (await start(dataDir)).stop();
  expect((await stat(join(copy, 'bin', 'postgres'))).ino).toBe(before.ino);
});

test.runIf(serverUser)('as root, a parent that is closed to the server is named', async () => {
  const dataDir = await dataFolder('closed');
  await mkdir(dirname(dataDir), { mode: 0o700 });
  await expect(start(dataDir)).rejects.toMatchObject({
    code: 'DATA_FOLDER_UNREACHABLE',
    params: { parent: dirname(dataDir), uid: 65534 },
  });
});

test.runIf(serverUser)('as root, a link in the place of the folder gives nothing away', async () => {
  const dataDir = await dataFolder();
  const target = join(dirname(dataDir), 'target');
  await mkdir(target);
  await symlink(target, dataDir);
  await expect(start(dataDir)).rejects.toMatchObject({ code: 'DATA_FOLDER_NOT_WRITABLE' });
  expect((await stat(target)).uid).toBe(0);
});
