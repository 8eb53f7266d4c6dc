/** A site of BIOMERO's in Python, which the guide for moving is typed on; see `test/deploy/played-compose.sh`. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { tiff } from '../../src/embedded/omero/import/tiff-for-tests.ts';
import { importUser, passwords } from '../../src/embedded/omero/testing.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import { quoteForShell } from '../../src/slurm/quote.ts';
import { openTransport, type Transport } from '../../src/slurm/transport.ts';
import { ClusterSite } from './cluster-site.ts';
import { askPythonLedger, layOutPythonImporter } from './python-importer.ts';
import { announcing } from './python-workflow.ts';

const user = 'alice';
const group = 'annotate';

export class PythonSite {
  readonly cluster: ClusterSite;
  /** The folder of the site's compose file. */
  readonly folder: string;
  readonly transport: Transport;
  readonly admin: OmeroSession;
  readonly alice: OmeroSession;
  /** Address of our pages, once they run. */
  readonly web: string;
  readonly #log: (text: string) => void;

  private constructor(
    cluster: ClusterSite,
    folder: string,
    sessions: { admin: OmeroSession; alice: OmeroSession },
    web: string,
    log: (text: string) => void,
  ) {
    this.cluster = cluster;
    this.folder = folder;
    this.admin = sessions.admin;
    this.alice = sessions.alice;
    this.web = web;
    this.transport = openTransport(cluster.config.slurm, { log: pino({ level: 'silent' }) });
    this.#log = log;
  }

  static async open(log: (text: string) => void = () => undefined): Promise<PythonSite> {
    const cluster = await ClusterSite.open({ theirs: announcing });
    const admin = await OmeroSession.signIn(cluster.config.omero);
    const alice = await admin.sudo(user, group, { idleMs: 3_600_000 });
    const folder = join(cluster.folder, 'site');
    for (const name of ['services', 'state', 'biomero-bridge', 'bin'])
      mkdirSync(join(folder, name), { recursive: true });
    mkdirSync(join(cluster.folder, 'biomero-bridge'));
    cpSync(packageFile('deploy'), join(cluster.folder, 'biomero-bridge', 'deploy'), { recursive: true });
    writeFileSync(join(folder, '.env'), 'IMPORTER_ENABLED=TRUE\n');
    const own = ['omeroserver', 'biomeroworker', 'biomero-importer', 'database-biomero'];
    writeFileSync(join(folder, 'docker-compose.yml'), `services:\n${own.map((name) => `  ${name}:\n`).join('')}`);
    cpSync(packageFile('test/deploy/played-compose.sh'), join(folder, 'bin', 'docker'));
    const web = `http://127.0.0.1:${await writeServices(cluster, folder, alice)}`;
    return new PythonSite(cluster, folder, { admin, alice }, web, log);
  }

  /** Types commands in the site's folder; gives what they print. */
  async type(commands: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const env = { PATH: `${join(this.folder, 'bin')}:${process.env['PATH']}`, SITE: this.folder, SHLVL: '1' };
      const script = ['-c', `set -eu\n${commands}`];
      const options = { cwd: this.folder, env, timeout: 120_000 };
      execFile('bash', script, options, (error, stdout, stderr) => {
        this.#log(`${commands}\n${stdout}${stderr}`);
        if (error) reject(new Error(`${commands}\n${stdout}${stderr}`, { cause: error }));
        else resolve(stdout);
      });
    });
  }

  /** An image on the storage. */
  image(name: string): string {
    const path = join(this.cluster.config.storage.baseDir, group, name);
    writeFileSync(path, tiff([{ width: 4, height: 3 }]), { mode: 0o644 });
    return path;
  }

  /** Orders an import as OMERO.biomero's web does, by Python's own code. */
  order(names: string[], dataset: number): string {
    const uuid = randomUUID();
    const order = {
      Group: group,
      Username: user,
      UUID: uuid,
      DestinationID: String(dataset),
      DestinationType: 'Dataset',
      Files: names.map((name) => this.image(name)),
    };
    const { logged } = askPythonLedger(this.cluster.database.url, { log: [[order, 'Import Pending']] });
    if (logged[0] === null) throw new Error('Python did not place the order');
    return uuid;
  }

  /** Where an order stands, as Python's script reads it. */
  seen(uuid: string): { stages: string[]; latest: string } {
    const [seen] = askPythonLedger(this.cluster.database.url, { migrate: false, read: [uuid] }).seen;
    if (!seen) throw new Error(`no order ${uuid}`);
    return { latest: seen.latest, stages: seen.stages.map((stage) => stage.replace('Import ', '')) };
  }

  /** The stage that closed an order, or null; asked of the database, for Python's answer takes seconds. */
  async closedAs(uuid: string): Promise<string | null> {
    const sql = `select stage from imports where uuid = $1 and stage in ('Import Completed', 'Import Failed') order by id`;
    return (await this.cluster.database.pool.query<{ stage: string }>(sql, [uuid])).rows[0]?.stage ?? null;
  }

  async completed(uuid: string): Promise<string[]> {
    await this.cluster.until(
      async () => (await this.closedAs(uuid)) === 'Import Completed',
      60_000,
      async () => JSON.stringify(this.seen(uuid)) + this.log('biomero-importer'),
    );
    return this.seen(uuid).stages;
  }

  log(service: string): string {
    return readFileSync(join(this.folder, 'state', `${service}.log`), 'utf8').slice(-4_000);
  }

  /** What was started, as `service program`. */
  started(): string[] {
    return readFileSync(join(this.folder, 'state', 'ups'), 'utf8')
      .trim()
      .split('\n');
  }

  /** Names of the images in a dataset. */
  async imagesIn(dataset: number): Promise<string[]> {
    return (await this.alice.imagesIn(dataset)).map((image) => image.name).sort();
  }

  async close(): Promise<void> {
    // Each leads a group of its own, in which Python's importer has forked its workers.
    await this.type('for f in state/*.pid; do kill -KILL -- "-$(cat "$f")" 2>/dev/null || true; done');
    await this.transport.close();
    await this.alice.close();
    await this.admin.close();
    await this.cluster.close();
  }
}

/** The programs behind the services, as scripts; gives the port of the pages. */
async function writeServices(cluster: ClusterSite, folder: string, alice: OmeroSession): Promise<number> {
  const services = join(folder, 'services');
  const script = (name: string, env: Record<string, string>, command: string[], more = ''): void => {
    const lines = Object.entries(env).map(([key, value]) => `export ${quoteForShell([`${key}=${value}`])}`);
    writeFileSync(
      join(services, name),
      ['#!/bin/bash', ...lines, more, `exec ${quoteForShell(command)} "$@"`].join('\n'),
    );
    chmodSync(join(services, name), 0o755);
  };
  const { user: role, database: name, host, port, password } = new Client({ connectionString: cluster.database.url });
  const database = {
    POSTGRES_USER: role ?? '',
    POSTGRES_DB: name ?? '',
    PGHOST: host,
    PGPORT: String(port),
    PGPASSWORD: typeof password === 'string' ? password : '',
  };
  writeFileSync(
    join(services, 'database'),
    Object.entries(database)
      .map(([key, value]) => `export ${quoteForShell([`${key}=${value}`])}\n`)
      .join(''),
  );
  // The server of the tests is newer than this machine's pg_dump, which refuses it.
  writeFileSync(
    join(folder, 'bin', 'pg_dump'),
    '#!/bin/sh\nexec psql -c "select count(*) from imports" -U "$2" "$3"\n',
    {
      mode: 0o755,
    },
  );

  const { omero } = cluster.config;
  const python = join(folder, 'python');
  mkdirSync(python);
  const { program, env } = await layOutPythonImporter(python, cluster.database.url, { maxWorkers: 1, seconds: 2 });
  const really = [
    ...cluster.omero.importCommand,
    '-s',
    `tcp://${omero.host}`,
    '-p',
    String(omero.port),
    '-k',
    alice.key,
  ];
  const asUser: Record<string, string> = importUser ? { STUB_IMPORT_USER: `${importUser.uid}:${importUser.gid}` } : {};
  script(
    'biomero-importer',
    { ...env, ...asUser, STUB_IMPORT: JSON.stringify(really) },
    program,
    `cd ${quoteForShell([python])}`,
  );

  const [webPort, ...metrics] = [await freePort(), await freePort(), await freePort(), await freePort()];
  writeFileSync(
    join(folder, 'settings.yml'),
    `base_dir: ${cluster.config.storage.baseDir}\nmax_workers: 2\nskip_all: true\n`,
  );
  writeFileSync(
    join(folder, 'slurm-config.ini'),
    '[SSH]\nhost=cluster\n[SLURM]\nslurm_data_path=my-scratch/data\nslurm_script_path=slurm-scripts\nsbatch_mem=100M\n',
  );
  const ours = {
    HOME: folder,
    IMPORTER_ENABLED: 'TRUE',
    SQLALCHEMY_URL: cluster.database.url,
    INGEST_TRACKING_DB_URL: cluster.database.url,
    OMERO_HOST: `tcp://${omero.host}`,
    OMERO_PORT: String(omero.port),
    OMERO_USER: 'root',
    OMERO_PASSWORD: passwords.root,
    IMPORTER_CONFIG_PATH: join(folder, 'settings.yml'),
    BIOMERO_BRIDGE_SLURM_CONFIG: join(folder, 'slurm-config.ini'),
    BIOMERO_BRIDGE_SSH_CONFIG: cluster.config.slurm.sshConfigFile ?? '',
    BIOMERO_BRIDGE_IMPORT_COMMAND: JSON.stringify(cluster.omero.importCommand),
    BIOMERO_BRIDGE_IMPORT_LOG_DIR: join(cluster.folder, 'logs'),
    BIOMERO_BRIDGE_CACHE_DIR: join(folder, 'cache'),
    BIOMERO_BRIDGE_WEB_PORT: String(webPort),
    ...(importUser ? { BIOMERO_BRIDGE_IMPORT_RUN_AS: `${importUser.uid}:${importUser.gid}` } : {}),
  };
  const main = [process.execPath, packageFile('dist', 'src', 'main.js')];
  script('command', ours, main);
  for (const [i, [name, role]] of [
    ['bridge-worker', 'worker'],
    ['bridge-web', 'web'],
    ['biomero-importer.ours', 'importer'],
  ].entries()) {
    const own = { ...ours, BIOMERO_BRIDGE_METRICS_PORT: String(metrics[i]) };
    script(name ?? '', own, [...main, role ?? '']);
    const wait = `for i in $(seq 150); do ${quoteForShell([...main, 'health'])} > /dev/null 2>&1 && exit; sleep 0.2; done; exit 1`;
    script(`${name?.replace('.ours', '') ?? ''}.ready`, own, [
      'bash',
      '-c',
      name === 'biomero-importer.ours' ? `grep -q add-on .env || exit 0; ${wait}` : wait,
    ]);
  }
  return webPort ?? 0;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
