import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import type { LeaseHolder } from '../lib/lease.ts';
import type { Wakeups } from '../lib/wakeups.ts';
import { claimOrder, type ClaimedOrder } from './claim-order.ts';
import { importOrder, type ImporterParts } from './import-order.ts';
import { HandedBack, ImportWorkers } from './import-workers.ts';
import { closedAmong, endLeftovers } from './leftovers.ts';
import { OpenOrders } from './open-orders.ts';
import { isOfThisOrder, refusalOf } from './order-calls.ts';
import { findForeignStage } from './order-rows.ts';

/** Orders of producers that do not notify are found this soon. */
export const lookEveryMs = 250;
/** Of orders that were taken as many are remembered; forgetting one costs a look too many. */
const mostTaken = 10_000;

interface ActiveOrder {
  cancel: AbortController;
  /** It needs no worker any more: what is left are annotations and the last rows. */
  imported: boolean;
  done: Promise<void>;
}

export type LoopParts = Omit<ImporterParts, 'enter' | 'onImported'>;

/** Orders of one importer: those that it has, and which it takes next. */
export class ImporterLoop {
  readonly #parts: LoopParts;
  readonly #leases: LeaseHolder;
  readonly #wakeups: Wakeups;
  readonly #signals: { claiming: AbortSignal; importing: AbortSignal };
  readonly #orders: OpenOrders;
  readonly #workers: ImportWorkers;
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
    parts: LoopParts,
    leases: LeaseHolder,
    wakeups: Wakeups,
    signals: { claiming: AbortSignal; importing: AbortSignal },
  ) {
    this.#parts = parts;
    this.#leases = leases;
    this.#wakeups = wakeups;
    this.#signals = signals;
    this.#orders = new OpenOrders(parts.pool);
    this.#workers = new ImportWorkers(parts.config.importer.maxWorkers);
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
    await this.#import(uuid, claimed, order);
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
    const most = this.#parts.config.importer.maxWorkers + this.#workers.ahead;
    const importing = [...this.#active.values()].filter((order) => !order.imported).length;
    return Math.min(most - importing, 2 * most - this.#active.size);
  }

  #stopFor(reason: string): void {
    this.#foreign ??= reason;
    this.#parts.log.fatal(
      { reason },
      'a second importer is at work on this database: stop it, then restart this one; no more orders are taken',
    );
  }

  async #import(uuid: string, claimed: ClaimedOrder, order: ActiveOrder): Promise<void> {
    const log = this.#parts.log.child({ order: uuid });
    const signal = AbortSignal.any([this.#signals.importing, order.cancel.signal]);
    const worker: { leave?: () => void } = {};
    const enter = async (): Promise<void> => {
      worker.leave ??= await this.#workers.enter(AbortSignal.any([signal, claimed.lease.signal]));
    };
    const onImported = (): void => {
      order.imported = true;
      worker.leave?.();
      this.#wakeups.wake('orders');
    };
    try {
      await importOrder({ ...this.#parts, log, enter, onImported }, uuid, claimed, signal);
    } catch (error) {
      if (isBridgeError(error, 'ANOTHER_IMPORTER')) this.#stopFor(error.message);
      else if (this.#signals.importing.aborted)
        log.info('the import was stopped; the order waits for the next importer');
      else if (error instanceof HandedBack) log.info(error.message);
      else log.warn({ error: describeError(error) }, 'an import stopped; it is tried again');
    } finally {
      worker.leave?.();
      await claimed.lease.release().catch((error: unknown) => {
        log.warn({ error: describeError(error) }, 'the lease could not be released; it expires by itself');
      });
    }
  }
}
