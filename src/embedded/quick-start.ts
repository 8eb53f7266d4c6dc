import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { sampleGroup, sampleUser } from './environment.ts';
import { choosePort, lockDataFolder, readRemembered, writeRemembered, type Remembered } from './remembered.ts';
import { packageFile } from '../lib/package-root.ts';
import { startOmero } from './omero/server.ts';
import { startPostgres } from './postgres/manager.ts';
import { installNucleiWorkflow } from './sample/install-workflow.ts';
import { startSlurm } from './slurm/slurm.ts';

export interface QuickStart {
  /** Environment that the product's configuration is read from, as a site would set it. */
  env: Record<string, string>;
  /** Environment of commands on the embedded cluster. */
  clusterEnv: Record<string, string>;
  /** Root of the shared storage. */
  storage: string;
  /** Ends the servers in the order in which they use each other. */
  close(): Promise<void>;
}

/**
 * Starts the embedded servers in a data folder: PostgreSQL, Slurm, OMERO. They stand in for a site's servers and for
 * nothing else: the product reads its configuration from files and variables here as it does there.
 */
export async function startServers(dataFolder: string, log: Logger): Promise<QuickStart> {
  const unlock = await lockDataFolder(dataFolder);
  const closers: (() => Promise<void>)[] = [unlock];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const remembered = await readRemembered(dataFolder);
    for (const name of ['token', 'rootPassword', 'servicePassword', 'userPassword'])
      remembered.secrets[name] ??= randomBytes(18).toString('base64url');
    const omeroPort = await choosePort(remembered, 'omero', 14064);
    const webPort = await choosePort(remembered, 'web', 4080);
    await writeRemembered(dataFolder, remembered);

    const storage = join(dataFolder, 'storage');
    for (const name of ['storage', 'config', 'logs', 'cluster', 'omero'])
      await mkdir(join(dataFolder, name), { recursive: true, mode: 0o755 });

    const postgres = await startPostgres({ dataDir: join(dataFolder, 'postgres'), runAs: null, log });
    closers.push(() => postgres.stop());
    const ordersDatabase = remembered.ordersDatabase ?? 'biomero';
    for (const name of new Set(['biomero', ordersDatabase])) await postgres.ensureDatabase(name);
    await postgres.ensureDatabase('omero');

    const slurm = await startSlurm({ directory: join(dataFolder, 'cluster'), log, runAs: null });
    closers.push(() => slurm.close());
    await installNucleiWorkflow(slurm.home);

    const omero = await startOmero({
      databaseUrl: postgres.url('omero'),
      directory: join(dataFolder, 'omero'),
      port: omeroPort,
      log,
      runAs: null,
      seed: seedOf(remembered),
    });
    closers.push(() => omero.close());

    const env = {
      ...(await writeConfigFiles(dataFolder, storage)),
      IMPORTER_ENABLED: process.env['IMPORTER_ENABLED'] ?? 'true',
      INGEST_TRACKING_DB_URL: postgres.url(ordersDatabase),
      SQLALCHEMY_URL: postgres.url('biomero'),
      OMERO_HOST: 'tcp://127.0.0.1',
      OMERO_PORT: String(omero.port),
      OMERO_USER: 'bridge',
      OMERO_PASSWORD: secret(remembered, 'servicePassword'),
      BIOMERO_BRIDGE_SLURM: 'local',
      BIOMERO_BRIDGE_SLURM_HOME: slurm.home,
      BIOMERO_BRIDGE_SLURM_POLL_SECONDS: '0.5',
      BIOMERO_BRIDGE_SLURM_PUSH: 'off',
      BIOMERO_BRIDGE_DESCRIPTORS: packageFile('workflows'),
      BIOMERO_BRIDGE_IMPORT_COMMAND: JSON.stringify(omero.importCommand),
      BIOMERO_BRIDGE_IMPORT_LOG_DIR: join(dataFolder, 'logs', 'imports'),
      BIOMERO_BRIDGE_CACHE_DIR: join(dataFolder, 'cache'),
      BIOMERO_BRIDGE_WEB_PORT: String(webPort),
      BIOMERO_BRIDGE_WEB_TOKEN: secret(remembered, 'token'),
    };
    await writeFile(join(dataFolder, 'config', 'environment.json'), JSON.stringify(env, null, 2), { mode: 0o600 });
    return { env, clusterEnv: slurm.env, storage, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function seedOf(remembered: Remembered): Parameters<typeof startOmero>[0]['seed'] {
  return {
    rootPassword: secret(remembered, 'rootPassword'),
    groups: [{ name: sampleGroup, permissions: 'rwra--' }],
    users: [
      {
        name: sampleUser,
        password: secret(remembered, 'userPassword'),
        firstName: 'Robin',
        lastName: 'Researcher',
        groups: [sampleGroup],
      },
      {
        // An administrator who may do nothing but act as others: all that the product needs of a site.
        name: 'bridge',
        password: secret(remembered, 'servicePassword'),
        firstName: 'BIOMERO',
        lastName: 'Bridge',
        groups: [],
        admin: true,
        privileges: ['Sudo'],
      },
    ],
  };
}

function secret(remembered: Remembered, name: string): string {
  const value = remembered.secrets[name];
  if (value === undefined) throw new Error(`start.json has no ${name}`);
  return value;
}

/** The files a site keeps. Written once: whoever edits them here sees the effect at the next start. */
async function writeConfigFiles(dataFolder: string, storage: string): Promise<Record<string, string>> {
  const folder = join(dataFolder, 'config');
  const files: Record<string, [name: string, text: string]> = {
    IMPORTER_CONFIG_PATH: [
      'settings.yml',
      `# Settings of BIOMERO.importer; docs/reference/configuration.md lists them all.\nbase_dir: ${JSON.stringify(storage)}\nmax_workers: 2\nshutdown_timeout: 5\n`,
    ],
    OMERO_BIOMERO_CONFIG_FILE: ['biomero-config.json', `${JSON.stringify({ group_mappings: {} }, null, 2)}\n`],
    OMERO_BIOMERO_GROUP_MAPPINGS_FILE: ['group-mappings.json', '{}\n'],
    BIOMERO_BRIDGE_SLURM_CONFIG: [
      'slurm-config.ini',
      [
        '[SLURM]',
        'slurm_data_path = my-scratch/data',
        'slurm_images_path = my-scratch/singularity_images/workflows',
        'slurm_script_path = slurm-scripts',
        '',
        '[ANALYTICS]',
        'track_workflows = True',
        '',
        '[WORKFLOWS]',
        'nuclei = nuclei',
        'nuclei_job = jobs/nuclei.sh',
        '',
      ].join('\n'),
    ],
  };
  const env: Record<string, string> = {};
  for (const [variable, [name, text]] of Object.entries(files)) {
    const path = join(folder, name);
    if (!existsSync(path)) await writeFile(path, text);
    env[variable] = path;
  }
  return env;
}
