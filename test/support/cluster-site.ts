/** A site in small: real Slurm behind real OpenSSH, PostgreSQL, the OMERO stand-in, and the product's own roles. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { startApp, type App } from '../../src/app.ts';
import type { Config, SlurmConfig, WorkflowConfig } from '../../src/config/config.ts';
import { tiff } from '../../src/embedded/omero/import/tiff-for-tests.ts';
import { importUser, passwords, startTestOmero, type TestOmero } from '../../src/embedded/omero/testing.ts';
import { orderUuid } from '../../src/orders/order-uuid.ts';
import { placeOrder } from '../../src/orders/place-order.ts';
import { readOrder } from '../../src/orders/read-order.ts';
import type { ImportJobContext } from '../../src/runs/import-job.ts';
import { launchRun } from '../../src/runs/launch.ts';
import { readRunView } from '../../src/runs/read-view.ts';
import type { RunView } from '../../src/runs/view.ts';
import { Slurm } from '../../src/slurm/slurm.ts';
import { openTransport, type Transport } from '../../src/slurm/transport.ts';
import { Tracker } from '../../src/tracking/tracker.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { startSlurmCluster, type SlurmCluster } from './slurm-cluster.ts';
import { startSshServer, type SshServer } from './ssh-server.ts';

const user = 'alice';
const group = 'annotate';

export class ClusterSite {
  readonly slurm: SlurmCluster;
  readonly ssh: SshServer;
  readonly omero: TestOmero;
  readonly database: TestDatabase;
  /** Holds `home` (the cluster account's), `storage`, `descriptors`. */
  readonly folder: string;
  config!: Config;
  readonly apps: App[] = [];
  readonly #transports: Transport[] = [];

  private constructor(slurm: SlurmCluster, ssh: SshServer, omero: TestOmero, database: TestDatabase, folder: string) {
    this.slurm = slurm;
    this.ssh = ssh;
    this.omero = omero;
    this.database = database;
    this.folder = folder;
  }

  /** `scripts`: job scripts by workflow, after the line that names the shell. */
  static async open(
    scripts: Record<string, string>,
    change: Partial<SlurmConfig> = {},
    { importerEnabled = true }: { importerEnabled?: boolean } = {},
  ): Promise<ClusterSite> {
    const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-site-'));
    await chmod(folder, 0o755);
    for (const name of ['home/slurm-scripts/jobs', `storage/${group}`, 'descriptors', 'logs'])
      await mkdir(join(folder, name), { recursive: true, mode: 0o755 });
    const slurm = await startSlurmCluster({ cpus: 8 });
    const ssh = await startSshServer({
      home: join(folder, 'home'),
      env: { SLURM_CONF: slurm.env['SLURM_CONF'] ?? '', PATH: `${join(folder, 'home', 'bin')}:${process.env['PATH']}` },
    });
    const [omero, database] = [await startTestOmero(), await createTestDatabase()];
    const site = new ClusterSite(slurm, ssh, omero, database, folder);
    const workflows: Record<string, WorkflowConfig> = {};
    for (const [name, text] of Object.entries(scripts)) {
      site.script(name, text);
      workflows[name] = { name, folder: name, repository: null, job: `jobs/${name}.sh`, useGpu: false, flags: {} };
    }
    site.config = {
      importerEnabled,
      databases: { orders: database.url, runs: database.url },
      storage: { baseDir: join(folder, 'storage'), mappingFiles: [] },
      importer: {
        maxWorkers: 2,
        strictFolders: false,
        stallSeconds: 600,
        shutdownSeconds: 5,
        parallelUpload: null,
        parallelFilesets: null,
        skip: ['all'],
        annotationNamespace: 'biomero.import',
        registerZarr: true,
        containers: null,
        logDir: join(folder, 'logs'),
        command: omero.importCommand,
        runAs: importUser,
        memory: '512m',
      },
      omero: {
        host: '127.0.0.1',
        port: omero.port,
        user: 'root',
        password: passwords.root,
        transport: 'tcp',
        tls: 'verify',
        caFile: null,
        webUrl: null,
      },
      slurm: {
        transport: 'ssh',
        host: 'cluster',
        sshConfigFile: await ssh.configFile(),
        home: null,
        dataPath: 'my-scratch/data',
        imagesPath: 'images',
        scriptPath: 'slurm-scripts',
        defaultPartition: null,
        sbatch: { mem: '100M' },
        workflows,
        pollSeconds: 5,
        push: 'both',
        ...change,
      },
      tracking: { enabled: true, jobAccounting: true, jobProgress: true, workflowAnalytics: true, views: 'auto' },
      worker: {
        importTimeoutSeconds: 600,
        maxRuns: 4,
        cleanup: true,
        workDir: join(folder, 'work'),
        attachZip: true,
      },
      web: {
        host: '127.0.0.1',
        port: 0,
        token: null,
        url: null,
        trustProxy: false,
        shareLinks: false,
        cacheFolder: '/nonexistent',
      },
      metrics: { host: '127.0.0.1', port: null },
      descriptors: { folder: join(folder, 'descriptors'), cacheDir: join(folder, 'cache') },
      logLevel: 'info',
    };
    return site;
  }

  get home(): string {
    return join(this.folder, 'home');
  }

  script(name: string, text: string): void {
    writeFileSync(join(this.home, 'slurm-scripts', 'jobs', `${name}.sh`), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  }

  /** Puts a program on the cluster, in place of a container runtime for example. */
  program(path: string, text: string): void {
    mkdirSync(dirname(join(this.home, path)), { recursive: true });
    writeFileSync(join(this.home, path), text, { mode: 0o755 });
  }

  /** Starts roles in this process; several workers may run side by side. */
  async start(...roles: ('worker' | 'importer')[]): Promise<App> {
    const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' });
    const app = await startApp({ config: this.config, roles, log });
    app.failed.catch(() => undefined);
    this.apps.push(app);
    return app;
  }

  /** A dataset with images that an importer has imported in place. */
  async dataset(names: readonly string[]): Promise<number> {
    const [app] = this.apps;
    if (!app) throw new Error('start an importer first');
    const files: string[] = [];
    for (const [index, name] of names.entries()) {
      const path = join(this.folder, 'storage', group, `input-${index}`, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      writeFileSync(path, tiff([{ width: 40 + index, height: 30 }]), { mode: 0o644 });
      files.push(path);
    }
    const id = await app.omero.as(user, group, (session) => session.createDataset('input', ''));
    const taskId = crypto.randomUUID();
    const uuid = orderUuid({ taskId, jobId: 0, destination: { type: 'Dataset', id }, part: 1 });
    const link = { taskId, runId: crypto.randomUUID(), archivePath: this.folder, part: 1, retryOf: null };
    await placeOrder(this.database.pool, {
      uuid,
      groupName: group,
      userName: user,
      destinationType: 'Dataset',
      destinationId: id,
      files,
      link,
    });
    await this.until(async () => (await readOrder(this.database.pool, uuid))?.stage === 'Import Completed');
    return id;
  }

  launch(workflow: string, datasetId: number, parameters: Record<string, unknown> = {}): Promise<string> {
    const [app] = this.apps;
    if (!app) throw new Error('start a role first');
    const request = { workflow, datasetId, userName: user, groupName: group, parameters };
    return launchRun(this.config, this.database.pool, app.omero, request);
  }

  /** What `importJob` needs; its connection to the cluster ends with the site. */
  importContext(): ImportJobContext {
    const [app] = this.apps;
    if (!app) throw new Error('start a role first');
    const transport = openTransport(this.config.slurm, { log: pino({ level: 'silent' }) });
    this.#transports.push(transport);
    return {
      config: this.config,
      runs: this.database.pool,
      omero: app.omero,
      transport,
      slurm: new Slurm(transport, this.config.slurm),
      tracker: new Tracker(this.database.pool, this.config.tracking),
    };
  }

  async view(runId: string): Promise<RunView> {
    const view = await readRunView({ runs: this.database.pool, orders: this.database.pool }, runId);
    if (!view) throw new Error(`there is no run ${runId}`);
    return view;
  }

  /** Waits until the run has ended, as whatever. */
  ended(runId: string, withinMs = 60_000): Promise<RunView> {
    return this.until(
      async () => {
        const view = await this.view(runId);
        return view.endedAt === null ? null : view;
      },
      withinMs,
      async () => JSON.stringify(await this.view(runId), null, 1),
    );
  }

  async until<T>(
    look: () => Promise<T | null | false | undefined>,
    withinMs = 120_000,
    explain: () => Promise<string> = async () => '',
  ): Promise<T> {
    for (const end = Date.now() + withinMs; Date.now() < end;) {
      const found = await look();
      if (found !== null && found !== false && found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`it did not come in ${withinMs} ms. ${await explain()}`);
  }

  async close(): Promise<void> {
    for (const app of this.apps) await app.close();
    for (const transport of this.#transports) await transport.close();
    await this.ssh.stop();
    await this.slurm.stop();
    await this.omero.drop();
    await this.database.drop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
