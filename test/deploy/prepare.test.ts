import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deployFile, readVariables } from '../support/compose-file.ts';
import { serverUser } from '../support/server-user.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const asRoot = process.getuid?.() === 0;

function prepare(args: string[], options: { uid?: number; gid?: number; script?: string } = {}) {
  const { script = deployFile('prepare.sh'), ...as } = options;
  const { status, stdout, stderr } = spawnSync(script, args, { encoding: 'utf8', ...as });
  return { status, stdout, stderr };
}

const read = (...path: string[]): string => readFileSync(join(...path), 'utf8');
const modeOf = (...path: string[]): string => (statSync(join(...path)).mode & 0o7777).toString(8);
/** Every file with its content and mode. */
const picture = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => {
      const { mode } = statSync(join(folder, path));
      return [path, `${mode.toString(8)} ${statSync(join(folder, path)).isFile() ? read(folder, path) : ''}`];
    }),
  );

test('a site is made with passwords of its own, which others cannot read', async () => {
  const [one, two] = [await temporaryFolder('one'), await temporaryFolder('two')];
  for (const site of [one, two]) expect(prepare([site])).toMatchObject({ status: 0, stderr: '' });
  const [first, second] = [readVariables(read(one, '.env')), readVariables(read(two, '.env'))];
  const secrets = ['OMERO_ROOT_PASSWORD', 'POSTGRES_PASSWORD', 'BIOMERO_POSTGRES_PASSWORD', 'METABASE_SECRET_KEY'];
  const all = secrets.flatMap((name) => [first[name], second[name]]);
  expect(new Set(all).size).toBe(8);
  for (const password of all) expect(password).toMatch(/^[0-9a-f]{48}$/);
  expect(read(one, 'secrets', 'omero-password').trim()).toBe(first['OMERO_ROOT_PASSWORD']);
  const modes = ['.env', 'secrets', 'secrets/omero-password', 'ssh', 'ssh/config', 'biomero-bridge/token'];
  expect(modes.map((path) => modeOf(one, path))).toEqual(['600', '700', '400', '700', '600', '600']);
  if (asRoot) {
    const owned = ['secrets/omero-password', 'ssh', 'ssh/config', 'biomero-bridge/token', 'web/L-Drive'];
    for (const path of owned) {
      const { uid, gid } = statSync(join(one, path));
      expect([path, uid, gid]).toEqual([path, 1000, 994]);
    }
  }
});

test('a second time nothing changes but what .env changed', async () => {
  const site = await temporaryFolder('again');
  prepare([site]);
  writeFileSync(join(site, 'config/biomero-importer/settings.yml'), 'base_dir: /data\nmax_workers: 9\n');
  const before = picture(site);
  const inode = statSync(join(site, 'secrets/omero-password')).ino;
  expect(prepare([site])).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(picture(site)).toEqual(before);
  const more = `OMERO_IMPORTER_PASSWORD="for-sudo"\nBRIDGE_UID=999\nBRIDGE_GID=999\n`;
  writeFileSync(join(site, '.env'), read(site, '.env') + more);
  const { status, stdout } = prepare([site]);
  expect([status, stdout.match(/^(made|wrote).*$/gm)]).toEqual([0, ['wrote secrets/omero-password']]);
  expect(read(site, 'secrets/omero-password')).toBe('for-sudo\n');
  // A mounted file is followed by its inode.
  expect(statSync(join(site, 'secrets/omero-password')).ino).toBe(inode);
  if (asRoot) expect(statSync(join(site, 'secrets/omero-password')).uid).toBe(999);
});

test('what cannot work is refused, with the reason', async () => {
  const site = await temporaryFolder('refused');
  expect(prepare(['--add-on', site])).toMatchObject({ status: 1, stderr: expect.stringContaining('has no .env') });
  prepare([site]);
  const good = read(site, '.env');
  for (const [line, reason] of [
    ['BIOMERO_POSTGRES_PASSWORD=p@ss/word', 'stands in a database URL'],
    ['BIOMERO_POSTGRES_USER=', 'does not set BIOMERO_POSTGRES_USER'],
    ['BRIDGE_UID=0', 'do not run as root'],
    ['BRIDGE_UID=omero', 'are numbers'],
  ]) {
    writeFileSync(join(site, '.env'), `${good}${line}\n`);
    expect([line, prepare([site])]).toEqual([
      line,
      { status: 1, stdout: expect.any(String), stderr: expect.stringContaining(reason ?? '') },
    ]);
  }
  writeFileSync(join(site, '.env'), good);
  const other = await temporaryFolder('folder');
  cpSync(join(site, '.env'), join(other, '.env'));
  mkdirSync(join(other, 'web', 'biomero-config.json'), { recursive: true });
  expect(prepare([other])).toMatchObject({ status: 1, stderr: expect.stringContaining('is a folder') });
});

test.skipIf(serverUser === null)('who is not root gets it too, and is told whom to give it to', async () => {
  const folder = await temporaryFolder('plain');
  const user = serverUser ?? { uid: 0, gid: 0 };
  // A copy that this user can reach.
  const script = join(folder, 'deploy', 'prepare.sh');
  cpSync(deployFile(''), join(folder, 'deploy'), { recursive: true });
  const site = join(folder, 'site');
  mkdirSync(site);
  chmodSync(folder, 0o755);
  chownSync(site, user.uid, user.gid);
  for (const turn of ['made', 'same']) {
    const { status, stdout, stderr } = prepare([site], { ...user, script });
    expect([turn, status, stderr]).toEqual([turn, 0, '']);
    expect(stdout).toContain(`sudo chown -R 1000:994`);
  }
  expect(existsSync(join(site, 'secrets', 'omero-password'))).toBe(true);
});
