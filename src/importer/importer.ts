import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { describeError, isBridgeError } from '../domain/errors.ts';
import type { Database, Pool } from '../lib/database.ts';
import { LeaseHolder } from '../lib/lease.ts';
import { listen } from '../lib/notify.ts';
import { Wakeups } from '../lib/wakeups.ts';
import { OmeroAccess } from '../omero/access.ts';
import { fairOrder } from './fair-order.ts';
import { importOrder, type ImporterParts } from './import-order.ts';
import { findOpenOrders, type OrderRow } from './order-rows.ts';

export interface ImporterOptions {
  config: Config;
  pool: Pool;
  databaseUrl: string;
  log: Logger;
  signal: AbortSignal;
  /** Names this process in leases and heartbeats. */
  name: string;
}

/** Orders of producers that do not notify are found this soon. */
const lookEveryMs = 250;
const heartbeatEveryMs = 5_000;
const looked = 1_000;
const longestPauseMs = 60_000;

/**
 * Takes upload orders and imports them until the signal aborts. Any number of importers of this kind may do so on one
 * database; when another kind turns up, this one stops claiming and says so.
 */
export async function runImporter(options: ImporterOptions): Promise<void> {
  const { config, pool, log, signal } = options;
  const omero = new OmeroAccess(config.omero, log);
  const leases = await LeaseHolder.open(options.databaseUrl, { holder: options.name });
  const wakeups = new Wakeups();
  const loop = new ImporterLoop({ config, pool, omero, log }, leases, wakeups, signal);
  listen(options.databaseUrl, ['bridge_orders'], () => wakeups.wake('orders'), {
    signal,
    onError: (error) => log.warn({ error: error.message }, 'notifications of orders are down; polling goes on'),
  });
  let lastHeartbeat = 0;
  try {
    while (!signal.aborted) {
      await loop.claim().catch((error: unknown) => {
        log.error({ error: describeError(error) }, 'looking for orders failed; it is tried again');
      });
      if (Date.now() - lastHeartbeat > heartbeatEveryMs) {
        lastHeartbeat = Date.now();
        await writeHeartbeat(pool, options.name, loop.detail()).catch((error: unknown) => {
          log.warn({ error: describeError(error) }, 'the heartbeat was not written');
        });
      }
      await wakeups.wait('orders', lookEveryMs, signal);
    }
  } finally {
    await loop.drained();
    await leases.close();
    await omero.close();
  }
}

class ImporterLoop {
  readonly #parts: ImporterParts;
  readonly #leases: LeaseHolder;
  readonly #wakeups: Wakeups;
  readonly #signal: AbortSignal;
  readonly #active = new Map<string, { group: string; done: Promise<void> }>();
  /** Orders that stopped for a passing reason: not before this time again, after so many failures. */
  readonly #later = new Map<string, { at: number; failures: number }>();
  #foreign: string | null = null;

  constructor(parts: ImporterParts, leases: LeaseHolder, wakeups: Wakeups, signal: AbortSignal) {
    this.#parts = parts;
    this.#leases = leases;
    this.#wakeups = wakeups;
    this.#signal = signal;
  }

  detail(): Record<string, unknown> {
    return { active: this.#active.size, ...(this.#foreign === null ? {} : { stopped: this.#foreign }) };
  }

  /** Takes orders while there is room, fairly between groups. */
  async claim(): Promise<void> {
    if (this.#foreign !== null || this.#active.size >= this.#parts.config.importer.maxWorkers) return;
    const open = await findOpenOrders(this.#parts.pool, looked);
    const waiting = open.filter(
      (row) => !this.#active.has(row.uuid) && (this.#later.get(row.uuid)?.at ?? 0) <= Date.now(),
    );
    for (const row of fairOrder(
      waiting,
      [...this.#active.values()].map((a) => a.group),
    )) {
      if (this.#signal.aborted || this.#active.size >= this.#parts.config.importer.maxWorkers) return;
      const lease = await this.#leases.acquire(`order:${row.uuid}`);
      if (!lease) continue;
      const done = this.#import(row, lease).finally(() => {
        this.#active.delete(row.uuid);
        this.#wakeups.wake('orders');
      });
      this.#active.set(row.uuid, { group: row.group_name, done });
    }
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#active.values()].map((a) => a.done));
  }

  async #import(row: OrderRow, lease: Awaited<ReturnType<LeaseHolder['acquire']>> & object): Promise<void> {
    const log = this.#parts.log.child({ order: row.uuid });
    try {
      await importOrder({ ...this.#parts, log }, row, lease, this.#signal);
      this.#later.delete(row.uuid);
    } catch (error) {
      if (isBridgeError(error, 'ANOTHER_IMPORTER')) {
        this.#foreign = error.message;
        log.fatal(
          { error: error.message, remedy: error.remedy },
          'a second importer is at work; no more orders are taken',
        );
      } else if (!this.#signal.aborted && !isBridgeError(error, 'LEASE_LOST')) {
        const failures = (this.#later.get(row.uuid)?.failures ?? 0) + 1;
        this.#later.set(row.uuid, { at: Date.now() + Math.min(longestPauseMs, 500 * 2 ** failures), failures });
        log.warn({ failures, error: describeError(error) }, 'an import stopped; it is tried again');
      }
    } finally {
      await lease.release().catch((error: unknown) => {
        log.warn({ error: describeError(error) }, 'the lease could not be released; it expires by itself');
      });
    }
  }
}

async function writeHeartbeat(db: Database, name: string, detail: Record<string, unknown>): Promise<void> {
  await db.query(
    `insert into bridge.heartbeats (name, role, host, detail) values ($1, 'importer', $2, $3)
     on conflict (name) do update set at = clock_timestamp(), detail = excluded.detail`,
    [name, hostname(), detail],
  );
}
