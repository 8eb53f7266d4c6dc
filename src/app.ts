import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from './config/config.ts';
import { describeError } from './domain/errors.ts';
import { cheapChecks } from './doctor/checks.ts';
import { doctorDefaults, runDoctor } from './doctor/run-doctor.ts';
import { CallBell, keepAnswering, rollCallChannel } from './doctor/roll-call.ts';
import { personById } from './http/identity/omero-person.ts';
import { startWeb, type WebServer } from './http/server.ts';
import { runImporter } from './importer/importer.ts';
import { openPool, type Pool } from './lib/database.ts';
import { LeaseHolder } from './lib/lease.ts';
import { migrate } from './lib/migrate.ts';
import { listen } from './lib/notify.ts';
import { identifyProcess } from './lib/process-identity.ts';
import { Wakeups } from './lib/wakeups.ts';
import { databaseHealth } from './metrics/database-health.ts';
import { Metrics } from './metrics/metrics.ts';
import { startMetrics } from './metrics/metrics-server.ts';
import { runNotifier } from './notify/notifier.ts';
import { OmeroAccess } from './omero/access.ts';
import { ensureImports } from './orders/ensure-imports.ts';
import { SourceImages } from './runs/source-images.ts';
import { followHints, hintFileName } from './slurm/job-hints.ts';
import { Slurm } from './slurm/slurm.ts';
import { openTransport } from './slurm/transport.ts';
import { Tracker } from './tracking/tracker.ts';
import { JobWatch } from './worker/job-watch.ts';
import { tidyCluster } from './worker/tidy.ts';
import { runWorker } from './worker/worker.ts';

export type Role = 'worker' | 'importer' | 'web';

export interface App {
  config: Config;
  runs: Pool;
  orders: Pool;
  omero: OmeroAccess;
  web: WebServer | null;
  /** Ends all roles: stops taking work, finishes or hands over what is under way, closes what it opened. */
  close(): Promise<void>;
  /** Rejects when a role ended although nobody asked it to. */
  failed: Promise<never>;
}

export interface AppOptions {
  config: Config;
  roles: readonly Role[];
  log: Logger;
  /** Environment of commands on a local cluster. */
  clusterEnv?: Record<string, string>;
}

/** Builds every adapter and starts the roles: the only place that knows how the parts fit together. */
export async function startApp({ config, roles, log, clusterEnv }: AppOptions): Promise<App> {
  const holder = holderName();
  for (const note of config.notes ?? []) log.warn(note);
  const stop = new AbortController();
  // An importer alone may stand where nothing is known of the runs' database.
  const withRuns = roles.some((role) => role !== 'importer');
  const runsUrl = withRuns ? config.databases.runs : config.databases.orders;
  const runs = openPool(runsUrl, poolOptions(log));
  const orders = config.databases.orders === runsUrl ? runs : openPool(config.databases.orders, poolOptions(log));
  const databases: ReadonlySet<Pool> = new Set([runs, orders]);
  const pools = new Set(databases);
  const closers: (() => Promise<void>)[] = [];
  let reject: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, r) => (reject = r));
  failed.catch(() => undefined);
  const close = once(async () => {
    stop.abort();
    for (const closer of closers.reverse())
      await closer().catch((error: unknown) => log.warn({ error: describeError(error) }, 'a part did not end cleanly'));
    for (const pool of pools) await pool.end();
  });

  try {
    if (withRuns) {
      await migrate(runs, 'runs');
      // Uploads by the worker itself are written down as those of orders are, and beside the runs.
      if (orders !== runs) await migrate(runs, 'orders');
    }
    await ensureImports(orders);
    const tracker = new Tracker(runs, config.tracking, { log });
    if (withRuns) await tracker.ensureTables();
    const transport = openTransport(config.slurm, clusterEnv ? { log, env: clusterEnv } : { log });
    const slurm = new Slurm(transport, config.slurm);
    const omero = new OmeroAccess(config.omero, log);
    closers.push(() => omero.close());

    const metrics = new Metrics({
      runs: withRuns ? runs : null,
      orders: roles.includes('importer') || config.importerEnabled ? orders : null,
    });
    if (config.metrics.port !== null) {
      const { host, port } = config.metrics;
      const served = await startMetrics({ host, port, metrics, health: () => databaseHealth(databases), log });
      closers.push(() => served.close());
      log.info({ address: served.address }, 'metrics are served');
    }

    const runChanges = new Wakeups();
    const orderChanges = new Wakeups();
    let web: WebServer | null = null;
    const running: Promise<void>[] = [];
    const supervise = (role: Role, work: Promise<void>): void => {
      running.push(
        work.catch((error: unknown) => {
          log.error({ role, error: describeError(error) }, 'a role ended');
          reject(error);
        }),
      );
    };

    listen(
      runsUrl,
      ['bridge_runs'],
      () => {
        runChanges.wake('runs');
        web?.live.changed();
      },
      listenOptions(log, stop.signal),
    );
    const rollCalls = new CallBell();
    listen(
      config.databases.orders,
      ['bridge_orders', rollCallChannel],
      (channel, payload) => {
        if (channel === rollCallChannel) return rollCalls.ring();
        orderChanges.wake(payload);
        web?.live.changed();
      },
      listenOptions(log, stop.signal),
    );
    running.push(
      keepAnswering(
        { pool: orders, runs: withRuns ? runs : null, config, roles, log, name: holder },
        rollCalls,
        stop.signal,
      ),
    );

    if (roles.includes('web')) {
      web = await startWeb({
        config: config.web,
        omero: config.omero,
        sources: { runs, orders },
        storage: config.storage,
        sourceImages: new SourceImages(omero, config.storage.baseDir),
        doctor: () =>
          runDoctor(
            {
              ...{ config, roles, runs, orders, omero, log: log.child({ role: 'web' }) },
              transport: roles.includes('worker') ? transport : null,
              ...doctorDefaults,
            },
            { checks: cheapChecks },
          ),
        person: async (userId) => personById(await omero.admin(), userId),
        omeroGroups: async () => (await omero.admin()).allGroups(),
        slurm,
        site: { config, runs, omero, slurm, transport, tracker },
        health: () => databaseHealth(databases),
        log: log.child({ role: 'web' }),
      });
      closers.push(web.close);
    }
    if (roles.includes('importer')) {
      // Its statements are short: a connection that says nothing any more must not keep all orders waiting.
      const pool = openPool(config.databases.orders, { ...poolOptions(log), queryTimeoutMs: 30_000 });
      pools.add(pool);
      supervise(
        'importer',
        runImporter({
          config,
          pool,
          databaseUrl: config.databases.orders,
          log: log.child({ role: 'importer' }),
          signal: stop.signal,
          name: holder,
          metrics,
          graceMs: config.importer.shutdownSeconds * 1000,
        }),
      );
    }
    if (roles.includes('worker')) {
      const leases = await LeaseHolder.open(config.databases.runs, { holder });
      closers.push(() => leases.close());
      const workerLog = log.child({ role: 'worker' });
      const jobs = new JobWatch(slurm, { minMs: config.slurm.pollSeconds * 1000, log: workerLog });
      if ((config.slurm.push ?? 'off') !== 'off')
        supervise(
          'worker',
          followHints(transport, {
            path: `${config.slurm.dataPath.replace(/\/+$/, '')}/${hintFileName}`,
            onHint: (jobId) => jobs.hint(jobId),
            signal: stop.signal,
            log: workerLog,
          }),
        );
      const context = { config, runs, orders, slurm, transport, jobs, tracker, omero, orderChanges, log: workerLog };
      supervise('worker', runWorker(context, leases, runChanges, stop.signal));
      if (config.notify)
        supervise(
          'worker',
          runNotifier(
            { config: config.notify, sources: { runs, orders }, webUrl: config.web.url, log: workerLog },
            runChanges,
            stop.signal,
          ),
        );
      supervise('worker', tidyCluster(context, leases, stop.signal));
    }
    closers.push(async () => {
      await Promise.all(running);
    });
    return { config, runs, orders, omero, web, close, failed };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Names this process in leases and heartbeats, so that a successor on this host can tell whether it still lives. */
function holderName(): string {
  const identity = identifyProcess(process.pid);
  return JSON.stringify({ host: hostname(), id: randomBytes(4).toString('hex'), ...identity });
}

function poolOptions(log: Logger): { max: number; onError: (error: Error) => void } {
  return {
    max: 12,
    onError: (error) =>
      log.warn({ error: error.message }, 'a database connection was lost; the next query opens another'),
  };
}

function listenOptions(log: Logger, signal: AbortSignal): { signal: AbortSignal; onError: (error: Error) => void } {
  return { signal, onError: (error) => log.warn({ error: error.message }, 'notifications are down; polling goes on') };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => (done ??= work());
}
