import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { startApp } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import { stepNames } from '../../src/domain/vocabulary.ts';
import { startPostgres } from '../../src/embedded/postgres/manager.ts';
import { ownProgram } from '../../src/lib/package-root.ts';
import { readSteps } from '../../src/runs/read-runs.ts';
import { insertRun } from '../../src/runs/write-run.ts';
import { serverUser } from '../../test/support/server-user.ts';
import { measureCommand } from '../support/measure.ts';
import type { BenchCluster } from './cluster.ts';

const log = pino({ level: 'silent' });

/** A whole worker on a database of its own, with results that hold no image, so that no OMERO is asked. */
export class BenchWorker {
  readonly #config: Config;
  readonly #end: () => Promise<void>;

  private constructor(config: Config, end: () => Promise<void>) {
    this.#config = config;
    this.#end = end;
  }

  static async open(cluster: BenchCluster): Promise<BenchWorker> {
    const folder = mkdtempSync(join(tmpdir(), 'biomero-bridge-bench-worker-'));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'storage', 'group'), { recursive: true });
    const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), runAs: serverUser, log });
    await postgres.ensureDatabase('biomero');
    const url = postgres.url('biomero');
    const config: Config = {
      importerEnabled: true,
      databases: { orders: url, runs: url },
      storage: { baseDir: join(folder, 'storage'), mappingFiles: [] },
      importer: {
        maxWorkers: 1,
        strictFolders: false,
        stallSeconds: 600,
        shutdownSeconds: 5,
        parallelUpload: null,
        parallelFilesets: null,
        registerZarr: true,
        containers: null,
        skip: ['all'],
        annotationNamespace: 'biomero.import',
        logDir: folder,
        command: ['false'],
        runAs: null,
        memory: '512m',
      },
      omero: {
        host: '127.0.0.1',
        port: 1,
        user: 'nobody',
        password: 'none',
        transport: 'tcp',
        tls: 'verify',
        caFile: null,
        webUrl: null,
      },
      slurm: { ...cluster.config, sshConfigFile: cluster.configFile, push: 'both' },
      tracking: { enabled: true, jobAccounting: true, jobProgress: true, workflowAnalytics: true, views: 'auto' },
      worker: { importTimeoutSeconds: 600, maxRuns: 4, workDir: join(folder, 'work'), attachZip: true },
      web: {
        host: '127.0.0.1',
        port: 0,
        token: null,
        url: null,
        trustProxy: false,
        shareLinks: false,
        cacheFolder: folder,
      },
      metrics: { host: '127.0.0.1', port: null },
      descriptors: { folder: null, cacheDir: folder },
      logLevel: 'silent',
    };
    return new BenchWorker(config, async () => {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Seconds from the end of each job to the start of its archive. */
  async archiveStarts(cluster: BenchCluster, lengths: readonly number[]): Promise<number[]> {
    const app = await startApp({ config: this.#config, roles: ['worker'], log });
    try {
      const jobs = await cluster.sleepers(lengths, 'both');
      const runs: { id: string; job: number }[] = [];
      for (const job of jobs) {
        const id = randomUUID();
        const out = join(cluster.home, 'data', `bench_${id}`, 'data', 'out');
        mkdirSync(out, { recursive: true });
        writeFileSync(join(out, 'table.csv'), 'a,b\n');
        await insertRun(
          app.runs,
          {
            id,
            taskId: randomUUID(),
            workflowTaskId: randomUUID(),
            workflow: 'bench',
            workflowVersion: '1',
            parameters: {},
            recipe: 'import-results',
            user: { id: 1, name: 'user' },
            group: { id: 1, name: 'group' },
            input: null,
            dataPath: `data/bench_${id}`,
            job: { id: job, word: 'PENDING', exit: null, node: null, endedAt: null },
            status: 'RUNNING',
          },
          stepNames,
        );
        runs.push({ id, job });
      }
      return await Promise.all(
        runs.map(async ({ id, job }) => {
          for (;;) {
            const step = (await readSteps(app.runs, [id])).get(id)?.find((s) => s.step === 'archive');
            if (step?.startedAt) return (step.startedAt.getTime() - cluster.endOf(job)) / 1000;
            await sleep(200);
          }
        }),
      );
    } finally {
      await app.close();
    }
  }

  /** Seconds of processor time that a worker without a run takes in so many seconds, in a process of its own. */
  async idle(seconds: number): Promise<number> {
    const input = JSON.stringify({ config: this.#config, seconds });
    const { stdout } = await measureCommand([...ownProgram('bench/follow/idle-main'), input]);
    return (JSON.parse(stdout) as { cpu: number }).cpu;
  }

  close(): Promise<void> {
    return this.#end();
  }
}
