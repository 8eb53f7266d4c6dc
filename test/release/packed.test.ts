import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageFile } from '../../src/lib/package-root.ts';

// What `npm pack` makes, installed as anybody would into an empty folder, does the main job.

const execute = promisify(execFile);
let root: string;
let files: string[];
let packed: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'biomero-bridge-packed-'));
  chmodSync(root, 0o755);
  // Built by `npm test`; packing itself must not build while other tests use the build.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', root];
  const { stdout } = await execute('npm', args, { cwd: packageFile(), timeout: 120_000 });
  const [pack] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  files = pack?.files.map((file) => file.path) ?? [];
  packed = join(root, basename(pack?.filename ?? ''));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('it holds what runs, what deploys and what explains, and nothing else', () => {
  const needed = [
    ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'bin/biomero-bridge.mjs', 'dist/.built'],
    ...['dist/src/main.js', 'dist/web/index.html', 'dist/workflows/nuclei/main.js', 'workflows/nuclei/descriptor.json'],
    ...['workflows/nuclei/job.sh', 'src/omero/ice/omero-schema.json', 'migrations/runs/0001-runs.sql'],
    ...['migrations/orders/0001-orders.sql', 'deploy/docker-compose.yml', 'deploy/omero-scripts/SLURM_Get_Results.py'],
    ...['docs/guides/troubleshooting.md', 'docs/reference/configuration.md'],
  ];
  expect(needed.filter((path) => !files.includes(path))).toEqual([]);
  const foreign = files.filter(
    (path) =>
      /\.(ts|tsx|map|log)$|\.test\.|(^|\/)(testing|node_modules|test|bench|\.ci)\//.test(path) || path.endsWith('.env'),
  );
  expect(foreign).toEqual([]);
});

test('the changelog begins with this version', () => {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  const [newest] = [...readFileSync(packageFile('CHANGELOG.md'), 'utf8').matchAll(/^## (\S+)/gm)];
  expect(newest?.[1]).toBe(version);
});

test('installed from the file it brings a run home', async () => {
  const folder = join(root, 'site');
  await execute('mkdir', [folder]);
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', packed];
  await execute('npm', install, { cwd: folder, timeout: 240_000 });

  const run = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    execute('npx', ['--no-install', 'biomero-bridge', ...args], { cwd: folder, timeout: 240_000 });
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  expect((await run('--version')).stdout.trim()).toBe(version);

  const data = join(root, 'data');
  const { stdout } = await run('start', '--once', '--seed', '11', '--data', data);
  expect(stdout).toMatch(/^Status +DONE: Archived 9 of 9 files; 4 of 4 images are in dataset \d+\.$/m);
}, 600_000);
