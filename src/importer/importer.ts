import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { describeError } from '../domain/errors.ts';
import type { Pool } from '../lib/database.ts';
import { LeaseHolder } from '../lib/lease.ts';
import { listen } from '../lib/notify.ts';
import { Wakeups } from '../lib/wakeups.ts';
import type { ImporterMetrics } from '../metrics/metrics.ts';
import { OmeroAccess } from '../omero/access.ts';
import { runImport } from '../omero/agent/run-import.ts';
import { lookAgainAtWaiting } from './attempts.ts';
import { deleteHeartbeat, deleteOldHeartbeats, writeHeartbeat } from './heartbeat.ts';
import { ImporterLoop, lookEveryMs } from './importer-loop.ts';
import { OrderCalls } from './order-calls.ts';
import { newestRowId } from './order-rows.ts';

export interface ImporterOptions {
  config: Config;
  pool: Pool;
  databaseUrl: string;
  log: Logger;
  /** Stops claiming at once, and running imports after `graceMs`. */
  signal: AbortSignal;
  /** Names this process in leases and heartbeats. */
  name: string;
  metrics?: ImporterMetrics;
  /** Connection to OMERO, and what imports files into it: other ones than the real are for measuring this program alone. */
  omero?: Pick<OmeroAccess, 'admin' | 'close'>;
  importFiles?: typeof runImport;
  /** How long imports may go on after the signal, before they are cancelled and left to a successor. Default 5 s. */
  graceMs?: number;
  /** How long a lease outlives a process that died elsewhere or was paused. Default 8 s. */
  leaseMs?: number;
  /** How long to wait for an import that a predecessor left running inside OMERO. Default 60 s. */
  unfinishedWaitMs?: number;
}

const heartbeatEveryMs = 5_000;

/**
 * Takes upload orders and imports them until the signal aborts. Any number of importers of this kind may do so on one
 * database; when another kind turns up, this one stops claiming and says so.
 */
export async function runImporter(options: ImporterOptions): Promise<void> {
  const { config, pool, log, signal } = options;
  const omero = options.omero ?? new OmeroAccess(config.omero, log);
  const leases = await LeaseHolder.open(options.databaseUrl, {
    holder: options.name,
    ...(options.leaseMs === undefined ? {} : { ttlMs: options.leaseMs }),
  });
  const cancel = new AbortController();
  const wakeups = new Wakeups();
  try {
    const sinceRow = await newestRowId(pool);
    await deleteOldHeartbeats(pool);
    await lookAgainAtWaiting(pool);
    const parts = {
      config,
      pool,
      omero,
      log,
      sinceRow,
      calls: new OrderCalls(pool),
      unfinishedWaitMs: options.unfinishedWaitMs ?? 60_000,
      metrics: options.metrics ?? null,
      importFiles: options.importFiles ?? runImport,
    };
    const loop = new ImporterLoop(parts, leases, wakeups, { claiming: signal, importing: cancel.signal });
    const onNotify = (channel: string, uuid: string): void => {
      if (channel === 'bridge_orders_closed') loop.lookAt([uuid]);
      else if (loop.isNews(uuid)) wakeups.wake('orders');
    };
    listen(options.databaseUrl, ['bridge_orders', 'bridge_orders_closed'], onNotify, {
      signal,
      onError: (error) => log.warn({ error: error.message }, 'notifications of orders are down; polling goes on'),
      onConnect: () => {
        loop.lookAnew();
        wakeups.wake('orders');
      },
    });
    await Promise.all([claimUntilStopped(loop, wakeups, log, signal), beatUntilStopped(loop, options)]);
    const grace = setTimeout(() => cancel.abort(signal.reason), options.graceMs ?? 5_000);
    await loop.drained();
    clearTimeout(grace);
    await deleteHeartbeat(pool, options.name).catch((error: unknown) =>
      log.warn({ error: describeError(error) }, 'the heartbeat was not taken away'),
    );
  } finally {
    await leases.close();
    await omero.close();
  }
}

async function claimUntilStopped(
  loop: ImporterLoop,
  wakeups: Wakeups,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await loop.claim();
      failures = 0;
    } catch (error) {
      // Said once per outage, not four times a second.
      const level = failures++ === 0 ? 'error' : 'debug';
      log[level]({ error: describeError(error) }, 'looking for orders failed; it is tried again');
    }
    await wakeups.wait(
      failures ? 'nothing' : 'orders',
      Math.min(5_000, lookEveryMs * 2 ** Math.min(failures, 5)),
      signal,
    );
  }
}

async function beatUntilStopped(loop: ImporterLoop, { pool, name, log, signal }: ImporterOptions): Promise<void> {
  const timer = new Wakeups();
  let failures = 0;
  while (!signal.aborted) {
    try {
      await loop.lookForOthers();
      await loop.lookForClosed();
      await writeHeartbeat(pool, name, loop.detail());
      failures = 0;
    } catch (error) {
      // Said once per outage, however long it is.
      log[failures++ === 0 ? 'warn' : 'debug']({ error: describeError(error) }, 'the heartbeat was not written');
    }
    await timer.wait('beat', heartbeatEveryMs, signal);
  }
}
