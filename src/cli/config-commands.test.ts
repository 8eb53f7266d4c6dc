import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { packageFile } from '../lib/package-root.ts';

function cli(args: string[], env: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [packageFile('dist', 'src', 'main.js'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  return { status, stdout, stderr };
}

async function site(): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await temporaryFolder('config-cli');
  await writeFile(join(folder, 'settings.yml'), `log_level: INFO\nbase_dir: ${folder}\n`);
  await writeFile(join(folder, 'slurm-config.ini'), '[SSH]\nhost: cluster\n[SLURM]\nsbatch_account = lab\n');
  await writeFile(join(folder, 'group-mappings.json'), '{}');
  await writeFile(join(folder, 'password'), 'geheim\n');
  await chmod(join(folder, 'password'), 0o600);
  const env = {
    HOME: folder,
    IMPORTER_ENABLED: 'TRUE',
    IMPORTER_CONFIG_PATH: join(folder, 'settings.yml'),
    BIOMERO_BRIDGE_SLURM_CONFIG: join(folder, 'slurm-config.ini'),
    OMERO_BIOMERO_GROUP_MAPPINGS_FILE: join(folder, 'group-mappings.json'),
    INGEST_TRACKING_DB_URL: 'postgresql+psycopg2://u:geheim@orders/biomero',
    SQLALCHEMY_URL: 'postgresql+psycopg2://u:geheim@runs/biomero',
    OMERO_HOST: 'omeroserver',
    OMERO_USER: 'root',
    OMERO_PASSWORD_FILE: join(folder, 'password'),
  };
  return { folder, env };
}

test('config show: values, origins, no secret; its exit code tells whether all is well', async () => {
  const { folder, env } = await site();
  const all = cli(['config', 'show'], env);
  expect(all).toMatchObject({ status: 0, stderr: '' });
  for (const line of [
    /^storage\.baseDir +\S+ +\S+settings\.yml:2 base_dir$/m,
    /^slurm\.host +cluster +\S+slurm-config\.ini:2 \[SSH\] host$/m,
    /^slurm\.sbatch\.account +lab +\S+slurm-config\.ini:4 \[SLURM\] sbatch_account$/m,
    /^omero\.password +\*\*\* +\S+password OMERO_PASSWORD$/m,
    /^omero\.port +4064 +default \(OMERO_PORT\)$/m,
    /^databases\.runs +postgresql:\/\/u:\*\*\*@runs\/biomero +SQLALCHEMY_URL \(environment\)$/m,
  ])
    expect(all.stdout).toMatch(line);
  expect(all.stdout).not.toContain('geheim');

  const { OMERO_HOST: _, ...without } = env;
  const importer = cli(['config', 'show', '--role', 'importer', '--json'], without);
  expect(importer.status).toBe(1);
  const shown = JSON.parse(importer.stdout) as { values: { path: string }[]; problems: unknown[] };
  expect(shown.problems).toMatchObject([{ place: 'environment', key: 'OMERO_HOST' }]);
  expect(shown.values).toContainEqual({
    path: 'storage.baseDir',
    value: folder,
    origin: { place: join(folder, 'settings.yml'), key: 'base_dir', line: 2 },
  });
  expect(shown.values.some(({ path }) => path.startsWith('slurm') || path === 'databases.runs')).toBe(false);
  expect(importer.stdout).not.toContain('geheim');
}, 180_000);

test('config check: of what is configured, and of files', async () => {
  const { folder, env } = await site();
  const fine = cli(['config', 'check'], env);
  expect(fine.stdout).toBe(
    [
      `${folder}/settings.yml: ok: settings.yml`,
      `${folder}/group-mappings.json: ok: group-mappings.json`,
      `${folder}/slurm-config.ini: ok: slurm-config.ini`,
      '3 files: 0 errors, 0 warnings, 0 notes.\n',
    ].join('\n'),
  );
  expect(fine.status).toBe(0);

  await writeFile(join(folder, 'settings.yml'), `base_dir: ${folder}\nmax_workers: none\n`);
  const wrong = cli(['config', 'check'], { ...env, OMERO_PORT: 'x' });
  expect(wrong.stdout).toContain('environment: error: OMERO_PORT: is "x"; expected a port number (1 to 65535).\n');
  expect(wrong.stdout.split('max_workers').length, 'said once').toBe(2);
  expect(wrong.stdout).toContain(
    `${folder}/settings.yml:2: error: max_workers: it is "none". Give a positive whole number.\n`,
  );
  expect(wrong.status).toBe(1);
  expect(cli(['config', 'check', join(folder, 'password')], env)).toMatchObject({ status: 2 });
  const json = cli(['config', 'check', '--json', join(folder, 'settings.yml')], env);
  expect(JSON.parse(json.stdout)).toMatchObject({
    files: [{ type: 'settings.yml' }],
    findings: [{ line: 2, key: 'max_workers', level: 'error' }],
  });
}, 180_000);

test('config schema', () => {
  expect(cli(['config', 'schema'], {}).stdout).toContain('group-mappings.json\n');
  expect(JSON.parse(cli(['config', 'schema', 'settings.yml'], {}).stdout)).toHaveProperty('properties.base_dir');
  expect(cli(['config', 'schema', 'x'], {}).status).toBe(64);
}, 180_000);
