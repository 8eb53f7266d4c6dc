import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import type { Pool } from '../lib/database.ts';
import { LeaseHolder } from '../lib/lease.ts';
import { listen } from '../lib/notify.ts';
import { Wakeups } from '../lib/wakeups.ts';
import type { ImporterMetrics } from '../metrics/metrics.ts';
import { OmeroAccess } from '../omero/access.ts';
import { runImport } from '../omero/agent/run-import.ts';
import { lookAgainAtWaiting } from './attempts.ts';
import { claimOrder, type ClaimedOrder } from './claim-order.ts';
import { deleteHeartbeat, deleteOldHeartbeats, writeHeartbeat } from './heartbeat.ts';
import { importOrder, type ImporterParts } from './import-order.ts';
import { closedAmong, endLeftovers } from './leftovers.ts';
import { OpenOrders } from './open-orders.ts';
import { isOfThisOrder, OrderCalls, refusalOf } from './order-calls.ts';
import { findForeignStage, newestRowId } from './order-rows.ts';

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

/** Orders of producers that do not notify are found this soon. */
const lookEveryMs = 250;
const heartbeatEveryMs = 5_000;
/** Of orders that were taken as many are remembered; forgetting one costs a look too many. */
const mostTaken = 10_000;

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
  while (!signal.aborted) {
    try {
      await loop.lookForOthers();
      await loop.lookForClosed();
      await writeHeartbeat(pool, name, loop.detail());
    } catch (error) {
      log.warn({ error: describeError(error) }, 'the heartbeat was not written');
    }
    await timer.wait('beat', heartbeatEveryMs, signal);
  }
}

interface ActiveOrder {
  cancel: AbortController;
  /** Its import process has ended; what is left, annotations and the last rows, needs no worker. */
  imported: boolean;
  done: Promise<void>;
}

class ImporterLoop {
  readonly #parts: Omit<ImporterParts, 'onImported'>;
  readonly #leases: LeaseHolder;
  readonly #wakeups: Wakeups;
  readonly #signals: { claiming: AbortSignal; importing: AbortSignal };
  readonly #orders: OpenOrders;
  readonly #active = new Map<string, ActiveOrder>();
  /** Orders to take next, found by the last look. */
  #ready: string[] = [];
  /** When that look is too old to take from. */
  #readyUntil = 0;
  /** Why the last order could not be claimed; said by the next round. */
  #failure: unknown = null;
  #looking: Promise<void> | null = null;
  readonly #takenSinceLook = new Set<string>();
  /** Orders that this importer has taken: what is notified about them is its own doing. */
  readonly #taken = new Set<string>();
  #foreign: string | null = null;

  constructor(
    parts: Omit<ImporterParts, 'onImported'>,
    leases: LeaseHolder,
    wakeups: Wakeups,
    signals: { claiming: AbortSignal; importing: AbortSignal },
  ) {
    this.#parts = parts;
    this.#leases = leases;
    this.#wakeups = wakeups;
    this.#signals = signals;
    this.#orders = new OpenOrders(parts.pool);
  }

  detail(): Record<string, unknown> {
    return {
      active: this.#active.size,
      maxWorkers: this.#parts.config.importer.maxWorkers,
      ...(this.#foreign === null ? {} : { stopped: this.#foreign }),
    };
  }

  /**
   * Takes orders while there is room, fairly between groups. In a burst one look serves many orders: whoever took one of
   * them meanwhile has its lease, and one that was closed says so when it is opened.
   */
  async claim(): Promise<void> {
    for (let looked = false; this.#room() > 0;) {
      if (this.#ready.length === 0 || performance.now() > this.#readyUntil) {
        if (looked) return;
        looked = true;
        await this.#look();
      }
      const next = this.#ready.splice(0, this.#room()).filter((uuid) => !this.#active.has(uuid));
      // The workers do not wait for the next look.
      if (this.#ready.length > 0 && this.#ready.length < this.#parts.config.importer.maxWorkers)
        void this.#look().catch(() => this.lookAnew());
      for (const uuid of next) this.#take(uuid);
    }
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  /** One look at a time; orders that were taken while it went on are not among what it found. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const until = performance.now() + lookEveryMs;
    this.#readyUntil = until;
    this.#takenSinceLook.clear();
    const found = await this.#orders.look();
    this.#ready = found.map((order) => order.uuid).filter((uuid) => !this.#takenSinceLook.has(uuid));
  }

  #take(uuid: string): void {
    // Before it is asked for: its first notification may come before the answer.
    this.#remember(uuid);
    const order: ActiveOrder = { cancel: new AbortController(), imported: false, done: Promise.resolve() };
    this.#active.set(uuid, order);
    order.done = this.#claimAndImport(uuid, order)
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#active.delete(uuid);
        this.#wakeups.wake('orders');
      });
  }

  /** @throws what kept the order from being claimed */
  async #claimAndImport(uuid: string, order: ActiveOrder): Promise<void> {
    const claimed = await this.#claimOne(uuid).catch((error: unknown) => {
      this.#taken.delete(uuid);
      throw error;
    });
    if (!claimed) return void this.#taken.delete(uuid);
    await this.#import(uuid, claimed, order.cancel.signal, () => {
      order.imported = true;
      this.#wakeups.wake('orders');
    });
  }

  #remember(uuid: string): void {
    if (this.#taken.size >= mostTaken) this.#taken.clear();
    this.#taken.add(uuid);
    this.#takenSinceLook.add(uuid);
  }

  async #claimOne(uuid: string): Promise<ClaimedOrder | null> {
    const { calls, sinceRow } = this.#parts;
    try {
      return await claimOrder(calls, this.#leases, uuid, sinceRow);
    } catch (error) {
      const refusal = refusalOf(error, uuid);
      if (isBridgeError(refusal, 'ORDER_CLOSED')) return null;
      if (isBridgeError(refusal, 'ANOTHER_IMPORTER')) {
        this.#stopFor(refusal.message);
        return null;
      }
      if (!isOfThisOrder(error)) throw error;
      // Step by step what is wrong with it is found and counted, and no other order waits for that.
      const lease = await this.#leases.acquire(`order:${uuid}`);
      return lease && { lease, row: null, started: null };
    }
  }

  /** Whether a notification may be of an order that is to be looked for; the next look then comes at once. */
  isNews(uuid: string): boolean {
    if (this.#taken.has(uuid)) return false;
    this.lookAnew();
    return true;
  }

  lookAnew(): void {
    this.#readyUntil = 0;
  }

  /** Another kind of importer on the same table, such as BIOMERO's own, would import everything a second time. */
  async lookForOthers(): Promise<void> {
    if (this.#foreign !== null) return;
    const found = await findForeignStage(this.#parts.pool, this.#parts.sinceRow);
    if (found) this.#stopFor(`"${found.stage}" of order ${found.uuid} was written by another importer`);
  }

  /** Ends the imports of orders that somebody closed; a notification that is lost is made up for at the next beat. */
  lookAt(uuids: readonly string[]): void {
    const here = uuids.filter((uuid) => this.#active.has(uuid));
    if (!here.length) return;
    closedAmong(this.#parts.pool, here).then(
      (closed) => {
        for (const uuid of closed) this.#active.get(uuid)?.cancel.abort(bridgeError('ORDER_CLOSED', { order: uuid }));
      },
      (error: unknown) => this.#parts.log.warn({ error: describeError(error) }, 'cancelled orders were not looked for'),
    );
  }

  async lookForClosed(): Promise<void> {
    this.lookAt([...this.#active.keys()]);
    await endLeftovers(this.#parts, this.#leases, this.#signals.importing);
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#active.values()].map((order) => order.done));
  }

  /** How many orders may be taken now. */
  #room(): number {
    if (this.#signals.claiming.aborted || this.#foreign !== null) return 0;
    const { maxWorkers } = this.#parts.config.importer;
    const importing = [...this.#active.values()].filter((order) => !order.imported).length;
    return Math.min(maxWorkers - importing, 2 * maxWorkers - this.#active.size);
  }

  #stopFor(reason: string): void {
    this.#foreign ??= reason;
    this.#parts.log.fatal(
      { reason },
      'a second importer is at work on this database: stop it, then restart this one; no more orders are taken',
    );
  }

  async #import(uuid: string, claimed: ClaimedOrder, cancelled: AbortSignal, onImported: () => void): Promise<void> {
    const log = this.#parts.log.child({ order: uuid });
    try {
      const signal = AbortSignal.any([this.#signals.importing, cancelled]);
      await importOrder({ ...this.#parts, log, onImported }, uuid, claimed, signal);
    } catch (error) {
      if (isBridgeError(error, 'ANOTHER_IMPORTER')) this.#stopFor(error.message);
      else if (this.#signals.importing.aborted)
        log.info('the import was stopped; the order waits for the next importer');
      else log.warn({ error: describeError(error) }, 'an import stopped; it is tried again');
    } finally {
      await claimed.lease.release().catch((error: unknown) => {
        log.warn({ error: describeError(error) }, 'the lease could not be released; it expires by itself');
      });
    }
  }
}
