import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { serverUser } from '../../test/support/server-user.ts';
import { defaultDataFolder, prepareDataFolder } from './data-folder.ts';
import { choosePort, lockDataFolder, readRemembered, writeRemembered, type Remembered } from './remembered.ts';

const umask = process.umask();
const dataHome = process.env['XDG_DATA_HOME'];
afterEach(() => {
  process.umask(umask);
  if (dataHome === undefined) delete process.env['XDG_DATA_HOME'];
  else process.env['XDG_DATA_HOME'] = dataHome;
});

test('the default is the system folder for root, else the data folder of the user', () => {
  process.env['XDG_DATA_HOME'] = '/somewhere';
  const base = process.platform === 'darwin' ? join(homedir(), 'Library', 'Application Support') : '/somewhere';
  const root = process.getuid?.() === 0;
  expect(defaultDataFolder()).toBe(root ? '/var/lib/biomero-bridge' : join(base, 'biomero-bridge'));
  process.env['XDG_DATA_HOME'] = 'not/absolute';
  expect(defaultDataFolder()).not.toContain('not/absolute');
});

test('missing parents are made so that everybody may pass, whatever the umask', async () => {
  const folder = join(await openFolder(), 'a', 'b', 'data');
  process.umask(0o077);
  prepareDataFolder(folder, serverUser);
  for (const made of [folder, dirname(folder), dirname(dirname(folder))])
    expect((await stat(made)).mode & 0o777).toBe(0o755);
  expect((await stat(folder)).uid).toBe(serverUser?.uid ?? process.getuid?.());
  prepareDataFolder(folder, serverUser);
});

test('a file in the place of the folder is an error that says so', async () => {
  const folder = join(await openFolder(), 'data');
  await writeFile(folder, '');
  expect(() => prepareDataFolder(folder, serverUser)).toThrow(
    expect.objectContaining({ code: 'DATA_FOLDER_NOT_WRITABLE' }),
  );
});

test.runIf(serverUser)('as root, what others keep in a folder is not given away', async () => {
  const folder = await openFolder();
  await writeFile(join(folder, 'precious'), '');
  expect(() => prepareDataFolder(folder, serverUser)).toThrow(
    expect.objectContaining({ code: 'DATA_FOLDER_NOT_OURS', params: { folder, owner: 0, user: 'nobody' } }),
  );
  expect((await stat(folder)).uid).toBe(0);
  await chown(folder, 65534, 65534);
  prepareDataFolder(folder, serverUser);
});

test.runIf(serverUser)('as root, the parent that is closed to the user is named', async () => {
  const parent = await temporaryFolder('data');
  expect(() => prepareDataFolder(join(parent, 'data'), serverUser)).toThrow(
    expect.objectContaining({ code: 'DATA_FOLDER_UNREACHABLE', params: expect.objectContaining({ parent }) }),
  );
});

test.runIf(serverUser && hasExecutable('setfacl'))(
  'as root, a parent that an ACL opens to the user is passed',
  async () => {
    const parent = await temporaryFolder('data');
    await chmod(parent, 0o700);
    execFileSync('setfacl', ['-m', `u:${serverUser?.uid}:x`, parent]);
    prepareDataFolder(join(parent, 'data'), serverUser);
  },
);

test.runIf(!serverUser)('a folder that this user may not write is an error that says so', async () => {
  const folder = await openFolder();
  await chmod(folder, 0o555);
  expect(() => prepareDataFolder(folder, null)).toThrow(expect.objectContaining({ code: 'DATA_FOLDER_NOT_WRITABLE' }));
});

test('one start per data folder; the second learns the address of the first', async () => {
  const folder = await openFolder();
  const unlock = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: 'ALREADY_STARTED', params: { pid: process.pid } });
  await writeRemembered(folder, { ports: { web: 4080 }, secrets: {} });
  await expect(lockDataFolder(folder)).rejects.toMatchObject({
    remedy: expect.stringContaining('http://127.0.0.1:4080'),
  });
  await unlock();
  await (
    await lockDataFolder(folder)
  )();
});

test('what is remembered comes back, readable for its owner alone', async () => {
  const folder = await openFolder();
  expect(await readRemembered(folder)).toEqual({ ports: {}, secrets: {} });
  const remembered: Remembered = { ports: { web: 4080 }, secrets: { token: 'x' } };
  await writeFile(join(folder, 'start.json.new'), 'left by a start that was killed', { mode: 0o644 });
  await writeRemembered(folder, remembered);
  expect(await readRemembered(folder)).toEqual(remembered);
  expect((await stat(join(folder, 'start.json'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['start.json']);
});

test.each(['', '{"ports": {"web": "4080"}}', '{"ports": {"web": 70000}}', '[]'])(
  'a start.json of %j is an error that names it, and stays as it is',
  async (text) => {
    const folder = await openFolder();
    await writeFile(join(folder, 'start.json'), text);
    await expect(readRemembered(folder)).rejects.toMatchObject({ code: 'START_FILE_UNREADABLE' });
    expect(await readFile(join(folder, 'start.json'), 'utf8')).toBe(text);
  },
);

test('a port is kept while it is free, replaced when it is taken, and never given twice', async () => {
  const remembered: Remembered = { ports: {}, secrets: {} };
  const first = await choosePort(remembered, 'web', 0);
  expect(remembered.ports).toEqual({ web: first });
  expect(await choosePort(remembered, 'web', 0)).toBe(first);
  expect(await choosePort(remembered, 'omero', first)).not.toBe(first);

  const other = createServer().listen(first, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const second = await choosePort(remembered, 'web', first);
  expect(second).not.toBe(first);
  expect(remembered.ports['web']).toBe(second);
});

async function openFolder(): Promise<string> {
  const parent = await temporaryFolder('data');
  await chmod(parent, 0o755);
  const folder = join(parent, 'folder');
  await mkdir(folder);
  return folder;
}
