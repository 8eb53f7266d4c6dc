import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { describeConfig, originText } from './describe.ts';
import { loadConfig, readConfig } from './load.ts';
import { problemText } from './problems.ts';
import { settingsKeys } from './file-schemas.ts';
import { settings } from './settings-table.ts';

const password = 'geheim-und-lang';

/** The environment of a site with nothing wrong. */
async function site(more: NodeJS.ProcessEnv = {}, yaml = 'base_dir: /data\n', ini = ''): Promise<NodeJS.ProcessEnv> {
  const folder = await temporaryFolder('config');
  await writeFile(join(folder, 'settings.yml'), yaml);
  await writeFile(join(folder, 'slurm-config.ini'), ini);
  return {
    HOME: folder,
    IMPORTER_ENABLED: 'true',
    IMPORTER_CONFIG_PATH: join(folder, 'settings.yml'),
    INGEST_TRACKING_DB_URL: `postgresql+psycopg2://u:${password}@orders:5432/biomero`,
    SQLALCHEMY_URL: `postgresql+psycopg2://u:${password}@runs:5432/biomero`,
    OMERO_HOST: 'omeroserver',
    OMERO_USER: 'root',
    OMERO_PASSWORD: password,
    BIOMERO_BRIDGE_SLURM_CONFIG: join(folder, 'slurm-config.ini'),
    ...more,
  };
}

async function problemsOf(env: NodeJS.ProcessEnv): Promise<string[]> {
  const { problems } = await readConfig(env);
  return problems.map((p) => `${p.key}: ${p.found}`);
}

test('a site with the specified variables is read, with every default', async () => {
  const config = await loadConfig(await site());
  expect(config).toMatchObject({
    importerEnabled: true,
    databases: { orders: `postgresql://u:${password}@orders:5432/biomero` },
    storage: {
      baseDir: '/data',
      mappingFiles: ['/opt/omero/server/biomero-config.json', '/opt/omero/server/group-mappings.json'],
    },
    importer: {
      maxWorkers: 4,
      skip: [],
      annotationNamespace: 'biomero.import',
      registerZarr: true,
      containers: null,
      command: [
        'java',
        '-cp',
        '/opt/omero/server/OMERO.server/lib/client/*',
        'ome.formats.importer.cli.CommandLineImporter',
      ],
      memory: '1g',
    },
    omero: { host: 'omeroserver', port: 4064, transport: 'ssl', tls: 'verify' },
    slurm: { transport: 'ssh', host: 'slurm', home: null, dataPath: 'my-scratch/data', scriptPath: 'slurm-scripts' },
    tracking: { enabled: true, jobAccounting: true, jobProgress: true, workflowAnalytics: true, views: 'auto' },
    worker: { importTimeoutSeconds: 3600, attachZip: true },
    web: { host: '127.0.0.1', port: 4080, token: null },
    logLevel: 'info',
    notes: [],
  });
});

test('IMPORTER_ENABLED: true in any case is on; unset, empty and false are off; anything else is an error', async () => {
  for (const on of ['true', 'TRUE', 'True'])
    expect((await loadConfig(await site({ IMPORTER_ENABLED: on }))).importerEnabled).toBe(true);
  for (const off of ['', 'false', 'FALSE', undefined])
    expect((await loadConfig(await site({ IMPORTER_ENABLED: off }))).importerEnabled).toBe(false);
  for (const wrong of ['yes', '1', '"true"', 'true ', 'on'])
    expect((await readConfig(await site({ IMPORTER_ENABLED: wrong }))).problems, wrong).toMatchObject([
      { key: 'IMPORTER_ENABLED', found: expect.stringContaining(JSON.stringify(wrong)), expected: 'true or false' },
    ]);
  await expect(loadConfig(await site({ IMPORTER_ENABLED: 'on' }))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  const told = (await readConfig(await site({ IMPORTER_ENABLED: 'Yes' }))).problems.map(problemText).join();
  expect(told).toContain("which OMERO.biomero's web pages take for on and BIOMERO's worker for off");
  // The classic way needs no database of orders.
  const classic = await loadConfig(await site({ IMPORTER_ENABLED: 'false', INGEST_TRACKING_DB_URL: undefined }), [
    'worker',
  ]);
  expect(classic.databases.orders).toBe(classic.databases.runs);
  const { config } = await readConfig(await site({ IMPORTER_ENABLED: undefined }));
  expect(config.notes).toEqual([expect.stringContaining('IMPORTER_ENABLED is not set')]);
});

test('all wrong values are reported together, each with its place, and no secret', async () => {
  const env = await site(
    {
      OMERO_PORT: '70000',
      BIOMERO_IMPORT_TIMEOUT_SECONDS: '-1',
      SQLALCHEMY_URL: `mysql://u:${password}@h/d`,
      BIOMERO_BRIDGE_WEB_TOKEN: 'geheim',
      BIOMERO_BRIDGE_IMPORT_COMMAND: 'omero import',
      BIOMERO_BRIDGE_IMPORT_MEMORY: '2 GB',
    },
    'base_dir: data\nmax_workers: "four"\ningest_tracking_db: x\n',
    '[ANALYTICS]\ntrack_workflows = maybe\n[SLURM]\nslurm_data_path = 50%\n',
  );
  const error = await loadConfig(env).catch((e: unknown) => e as Error);
  if (!(error instanceof Error)) throw new Error('it loaded');
  expect(error.message).toContain('10 wrong values');
  expect(error.message).toContain(`${env['IMPORTER_CONFIG_PATH']}:1: base_dir is "data"; expected an absolute path`);
  expect(error.message).toContain(`[ANALYTICS] track_workflows is "maybe"`);
  expect(error.message).toMatch(/slurm-config\.ini:4: \[SLURM\] slurm_data_path is unreadable/);
  expect(error.message).toContain('SQLALCHEMY_URL is a URL for mysql');
  expect(JSON.stringify([error.message, error])).not.toContain('geheim');
});

test('what a role does not use need not be set, and what it uses must be', async () => {
  const bare = { HOME: '/nowhere', IMPORTER_CONFIG_PATH: (await site())['IMPORTER_CONFIG_PATH'] };
  const importer = await readConfig(bare, ['importer']);
  expect(importer.problems.map((p) => p.key)).toEqual([
    'INGEST_TRACKING_DB_URL',
    'OMERO_HOST',
    'OMERO_USER',
    'OMERO_PASSWORD',
  ]);
  const web = await readConfig(bare, ['web']);
  expect(web.problems.map((p) => p.key)).toEqual(['SQLALCHEMY_URL']);
});

test('a secret may stand in a file, but not in both places', async () => {
  const folder = await temporaryFolder('secret');
  await writeFile(join(folder, 'secret'), 'with space \n', { mode: 0o600 });
  const file = join(folder, 'secret');
  const config = await loadConfig(await site({ OMERO_PASSWORD: undefined, OMERO_PASSWORD_FILE: file }));
  expect(config.omero.password).toBe('with space ');
  expect(config.origins?.['omero.password']).toEqual({ place: file, key: 'OMERO_PASSWORD', line: null });
  expect(await problemsOf(await site({ OMERO_PASSWORD_FILE: file }))).toEqual([
    'OMERO_PASSWORD: set (its value is not shown)',
  ]);
  expect(await problemsOf(await site({ OMERO_PASSWORD: undefined, OMERO_PASSWORD_FILE: join(folder, 'no') }))).toEqual([
    `OMERO_PASSWORD_FILE: ${JSON.stringify(join(folder, 'no'))}`,
  ]);
});

test.each([0o640, 0o604, 0o644, 0o620])(
  'a file with a secret that others may read or write is refused: %o',
  async (mode) => {
    const folder = await temporaryFolder('secret');
    const file = join(folder, 'secret');
    await writeFile(file, 'secret-of-the-file');
    await chmod(file, mode);
    const { problems } = await readConfig(await site({ OMERO_PASSWORD: undefined, OMERO_PASSWORD_FILE: file }));
    expect(problems.map(problemText).join()).toContain(
      `OMERO_PASSWORD_FILE is ${JSON.stringify(file)}, which others may read (mode 0${mode.toString(8)}: \`chmod 600\` it)`,
    );
    expect(JSON.stringify(problems)).not.toContain('secret-of-the-file');
    expect(
      await problemsOf(await site({ OMERO_USER: undefined, OMERO_USER_FILE: file })),
      'a name is no secret',
    ).toEqual([]);
  },
);

test.runIf(process.getuid?.() === 0)(
  'a secret as container engines mount it is taken, and its mode noted',
  async () => {
    const folder = join('/run/secrets', `biomero-bridge-test-${process.pid}`);
    await mkdir(folder, { recursive: true });
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'omero');
    await writeFile(file, 'secret-of-the-file\n');
    await chmod(file, 0o444);
    const env = await site({ OMERO_PASSWORD: undefined, OMERO_PASSWORD_FILE: file });
    const config = await loadConfig(env);
    expect(config.omero.password).toBe('secret-of-the-file');
    expect(config.notes).toEqual([expect.stringContaining('which others may read (mode 0444')]);
    await chmod(file, 0o466);
    await expect(loadConfig(env)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  },
);

test('the fingerprint of a certificate as openssl prints it, and as it is', async () => {
  const digits = '0123456789abcdef'.repeat(4);
  const printed = `sha256 Fingerprint=${(digits.toUpperCase().match(/../g) ?? []).join(':')}`;
  for (const text of [digits, printed, printed.replace(/^.*=/, '')])
    expect((await loadConfig(await site({ BIOMERO_BRIDGE_OMERO_FINGERPRINT: text }))).omero.fingerprint).toBe(digits);
  expect(await problemsOf(await site({ BIOMERO_BRIDGE_OMERO_FINGERPRINT: digits.slice(1) }))).toHaveLength(1);
  const plain = await loadConfig(
    await site({ BIOMERO_BRIDGE_OMERO_FINGERPRINT: digits, OMERO_HOST: 'tcp://localhost' }),
  );
  expect(plain.notes?.join()).toContain('BIOMERO_BRIDGE_OMERO_FINGERPRINT has no effect');
});

test('settings.yml: read as YAML 1.1; absent when named, broken or without keys is told', async () => {
  const yaml =
    'base_dir: /mnt/data/\nskip_all: yes\nskip_minmax: on\nmax_workers: 2\nlog_level: WARNING\nsample_x: [1]\n';
  const config = await loadConfig(await site({}, yaml));
  expect(config.storage.baseDir).toBe('/mnt/data');
  expect(config.importer).toMatchObject({ maxWorkers: 2, skip: ['all'] });
  expect(config.logLevel).toBe('warn');
  expect(await problemsOf(await site({ IMPORTER_CONFIG_PATH: '/nowhere/settings.yml' }))).toEqual([': not there']);
  expect(await problemsOf(await site({ IMPORTER_CONFIG_PATH: '/tmp' }))).toEqual([
    expect.stringContaining(': a folder'),
  ]);
  expect(await problemsOf(await site({}, 'base_dir: /a\nbase_dir: /b\n'))).toEqual([
    expect.stringContaining('no YAML ('),
  ]);
  expect(await problemsOf(await site({}, '- a\n'))).toEqual([': YAML without keys']);
});

test('skips are listed one by one when skip_all is off', async () => {
  const config = await loadConfig(await site({}, 'base_dir: /d\nskip_minmax: true\nskip_upgrade: true\n'));
  expect(config.importer.skip).toEqual(['minmax', 'upgrade']);
});

test('slurm-config.ini: models, then workflows, with flags and sbatch options', async () => {
  const ini = `[SSH]
host = cluster
[SLURM]
slurm_script_path = my-scratch/slurm-scripts
sbatch_account = lab
sbatch_exclusive
slurm_default_partition =
[MODELS]
cellpose = cellpose
cellpose_repo = https://github.com/TorecLuik/W_NucleiSegmentation-Cellpose/tree/v1.2.7
cellpose_job = jobs/cellpose.sh
cellpose_job_mem = 15GB
a_job_b_job = jobs/b.sh
a_job_b_job_time = 1:00
[WORKFLOWS]
cellpose_job = jobs/mine.sh
cellpose_use_gpu = yes
nuclei = nuclei
`;
  const { slurm, origins } = await loadConfig(await site({ BIOMERO_DEFAULT_PARTITION: 'short' }, undefined, ini));
  expect(slurm.host).toBe('cluster');
  expect(slurm.defaultPartition).toBe('short');
  expect({ ...slurm.sbatch }).toEqual({ account: 'lab', exclusive: '' });
  expect(Object.keys(slurm.workflows).sort()).toEqual(['a_job_b', 'cellpose', 'nuclei']);
  expect(slurm.workflows['cellpose']).toMatchObject({ folder: 'cellpose', job: 'jobs/mine.sh', useGpu: true });
  expect({ ...slurm.workflows['cellpose']?.flags }).toEqual({ mem: '15GB' });
  expect(slurm.workflows['nuclei']?.job).toBe('jobs/nuclei.sh');
  expect(origins?.['slurm.defaultPartition']).toMatchObject({ place: 'environment', key: 'BIOMERO_DEFAULT_PARTITION' });
  expect(origins?.['slurm.workflows.cellpose.flags.mem']).toMatchObject({ key: '[MODELS] cellpose_job_mem', line: 12 });
  expect(slurm.workflows['constructor']).toBeUndefined();
});

test('a home directory has the last word over nothing, and an explicit file is the only one', async () => {
  const env = await site({}, undefined, '[SSH]\nhost = explicit\n');
  await mkdir(join(String(env['HOME']), 'elsewhere'));
  await writeFile(join(String(env['HOME']), 'elsewhere', 'slurm-config.ini'), '[SSH]\nhost = home\n[SLURM]\nx = 1\n');
  const home = join(String(env['HOME']), 'elsewhere');
  expect((await loadConfig({ ...env, HOME: home })).slurm.host).toBe('explicit');
  expect((await loadConfig({ ...env, HOME: home, BIOMERO_BRIDGE_SLURM_CONFIG: '' })).slurm.host).toBe('home');
});

test('OMERO_HOST carries the transport', async () => {
  expect((await loadConfig(await site({ OMERO_HOST: 'tcp://127.0.0.1' }))).omero).toMatchObject({
    host: '127.0.0.1',
    transport: 'tcp',
  });
  for (const wrong of ['wss://host', 'host:4064', 'a b', 'http://host/'])
    expect(await problemsOf(await site({ OMERO_HOST: wrong })), wrong).toEqual([`OMERO_HOST: "${wrong}"`]);
});

test('a misspelt variable of ours is noted', async () => {
  const { config } = await readConfig(await site({ BIOMERO_BRIDGE_WEBPORT: '1' }));
  expect(config.notes).toEqual([
    'BIOMERO_BRIDGE_WEBPORT is set, but there is no such setting. Did you mean BIOMERO_BRIDGE_WEB_PORT?',
  ]);
});

test('variables of others that contradict are noted', async () => {
  const notes = async (more: NodeJS.ProcessEnv): Promise<string> =>
    ((await readConfig(await site(more))).config.notes ?? []).join('\n');
  expect(await notes({ IMPORT_MOUNT_PATH: '/mnt/data' })).toContain(
    'IMPORT_MOUNT_PATH is "/mnt/data", but base_dir is /data',
  );
  expect(await notes({ PERSISTENCE_MODULE: 'eventsourcing.sqlite' })).toContain('PERSISTENCE_MODULE is');
  expect(await notes({ WORKFLOWTRACKER_CIPHER_TOPIC: 'x' })).toContain('WORKFLOWTRACKER_CIPHER_TOPIC is set');
  expect(await notes({ IMPORT_MOUNT_PATH: '/data/', PERSISTENCE_MODULE: 'eventsourcing_sqlalchemy' })).toBe('');
});

test('the description shows values and origins and no secret', async () => {
  const rows = describeConfig(await loadConfig(await site({ BIOMERO_BRIDGE_WEB_TOKEN: 'geheim-geheim-geheim' })));
  const of = (path: string): string =>
    rows.filter((r) => r.path === path).map((r) => `${r.value} <- ${originText(r.origin)}`)[0] ?? '';
  expect(of('omero.password')).toBe('*** <- OMERO_PASSWORD (environment)');
  expect(of('databases.orders')).toBe('postgresql://u:***@orders:5432/biomero <- INGEST_TRACKING_DB_URL (environment)');
  expect(of('worker.importTimeoutSeconds')).toBe('3600 <- default (BIOMERO_IMPORT_TIMEOUT_SECONDS)');
  expect(of('storage.baseDir')).toMatch(/^\/data <- .*settings\.yml:1 base_dir$/);
  expect(JSON.stringify(rows)).not.toContain('geheim');
});

test('every key of settings.yml that is read stands in the table', () => {
  const tabled = settings.filter((s) => s.where === 'settings.yml').map((s) => s.name);
  expect([...settingsKeys].sort()).toEqual([...tabled].sort());
});
