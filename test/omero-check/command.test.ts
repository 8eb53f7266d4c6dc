import { spawn, spawnSync } from 'node:child_process';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { importUser, startTestOmero, type TestOmero } from '../../src/embedded/omero/testing.ts';
import { ownProgram } from '../../src/lib/package-root.ts';
import { resultLines } from '../../src/cli/check-printer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// The command as an admin types it: a process of its own, with a site's environment.
let omero: TestOmero;
beforeAll(async () => {
  omero = await startTestOmero();
});
afterAll(() => omero?.drop());

async function siteEnvironment(more: NodeJS.ProcessEnv = {}): Promise<{ env: NodeJS.ProcessEnv; storage: string }> {
  const storage = await temporaryFolder('storage');
  await chmod(storage, 0o755);
  const settings = join(await temporaryFolder('settings'), 'settings.yml');
  await writeFile(settings, `base_dir: ${storage}\nskip_all: true\n`);
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    IMPORTER_CONFIG_PATH: settings,
    OMERO_HOST: 'tcp://127.0.0.1',
    OMERO_PORT: String(omero.port),
    OMERO_USER: 'bridge',
    OMERO_PASSWORD: 'bridge-secret',
    BIOMERO_BRIDGE_IMPORT_COMMAND: JSON.stringify(omero.importCommand),
    BIOMERO_BRIDGE_IMPORT_LOG_DIR: await temporaryFolder('logs'),
    ...(importUser ? { BIOMERO_BRIDGE_IMPORT_RUN_AS: `${importUser.uid}:${importUser.gid}` } : {}),
    ...more,
  };
  return { env, storage };
}

const command = (...options: string[]): [string, string[]] => {
  const [program = '', ...first] = ownProgram('src/main');
  return [program, [...first, 'omero', 'check', ...options]];
};

async function run(env: NodeJS.ProcessEnv, options: string[], onLine?: (line: string, pid: number) => void) {
  const child = spawn(...command(...options), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    for (const line of text.split('\n')) onLine?.(line, child.pid ?? -1);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, errors };
}

const actAs = ['--user', 'alice', '--group', 'annotate'];

test('says what passed, line by line, and ends with 0', async () => {
  const { env, storage } = await siteEnvironment();
  const { code, out, errors } = await run(env, actAs);
  expect(errors).toBe('');
  expect(code, out).toBe(0);
  const lines = out.split('\n');
  expect(lines[0]).toBe(`OMERO at 127.0.0.1:${omero.port} as bridge, for alice in annotate`);
  expect(lines).toContain('✓ Privileges of the account   bridge is an administrator.');
  expect(lines).toContainEqual(expect.stringMatching(/^✓ Import in place {13}Image \d+; OMERO keeps a link/));
  expect(lines.at(-2)).toMatch(/^\d+ passed, 1 with a warning\.$/);
  // oxlint-disable-next-line no-control-regex
  expect(out, 'no terminal, no cursor movements').not.toMatch(/[\u001b\r]/);
  expect(out).not.toContain('bridge-secret');
  expect(await readdir(storage)).toEqual([]);
});

test('as JSON, with the code of what failed, and 1', async () => {
  const { env } = await siteEnvironment({ OMERO_PASSWORD: 'not-the-password' });
  const { code, out } = await run(env, ['--json', ...actAs]);
  expect(code).toBe(1);
  const report = JSON.parse(out) as { checks: unknown[] };
  expect(report).toMatchObject({ account: 'bridge', user: 'alice', passed: false, interrupted: false, left: [] });
  expect(report.checks[0]).toMatchObject({ id: 'sign-in', outcome: 'failed', code: 'OMERO_SIGN_IN_REFUSED' });
  expect(out).not.toContain('not-the-password');
});

test('Ctrl-C removes what was made, and ends with 130', async () => {
  const { env, storage } = await siteEnvironment();
  const { code, out } = await run(env, actAs, (line, pid) => {
    if (line.includes('Create a dataset')) process.kill(pid, 'SIGINT');
  });
  expect(code, out).toBe(130);
  expect(out).toContain('not tried: interrupted');
  expect(out).toMatch(/✓ Clean up/);
  expect(await readdir(storage)).toEqual([]);
});

test('an output that nobody reads on removes what was made', async () => {
  const { env, storage } = await siteEnvironment();
  const child = spawn(...command(...actAs), { env, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes('Create a dataset')) child.stdout.destroy();
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  expect(code).toBe(130);
  expect(await readdir(storage)).toEqual([]);
});

test('a setting that is wrong or missing, and half of an identity', async () => {
  const { env } = await siteEnvironment({ OMERO_PORT: 'x', OMERO_USER: '' });
  const { code, errors } = await run(env, []);
  expect(code).toBe(78);
  expect(errors).toMatch(/CONFIG_INVALID: .*OMERO_PORT is "x"/s);
  expect(errors).toContain('OMERO_USER');
  expect(errors, 'no database is needed').not.toContain('SQLALCHEMY_URL');
  const half = spawnSync(...command('--user', 'alice'), { env, encoding: 'utf8' });
  expect(half.status).toBe(64);
  expect(half.stderr).toContain('--user and --group are given together');
});

test('long texts are broken between words, and hostile characters are shown as such', () => {
  const result = { id: 'x', title: 'Storage', outcome: 'failed', code: null, ms: 1 } as const;
  expect(resultLines({ ...result, detail: `${'word '.repeat(12)}\u001b[2J`, remedy: 'Do it.' }, 60)).toEqual([
    `✗ Storage                     ${'word '.repeat(5)}word`,
    `                              ${'word '.repeat(5)}word`,
    '                              \\u001b[2J',
    '                              What to do: Do it.',
  ]);
});
