import { hostname } from 'node:os';
import { bridgeError, type BridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { requireLease, type Lease } from '../lib/lease.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { storableResults, type FileResult } from '../orders/file-results.ts';
import { isTerminal } from '../orders/read-order.ts';
import { appendStage, lockOrder, readStageRows } from '../orders/stages.ts';
import { noteFailure, noteWaiting } from './attempts.ts';
import { setImportProcess, setSessionClosed, type ImportJournal } from './import-session.ts';
import type { StartedOrder } from './claim-order.ts';
import { leaseLost, OrderCalls, refusalOf, type OrderCall } from './order-calls.ts';
import { readOpenOrderRow, type OrderRow } from './order-rows.ts';

/**
 * Everything that is written about one order while it is imported: each a short transaction of its own, and each fenced
 * by the lease, so that a holder that was paused and superseded writes nothing. What every order needs is one call to a
 * function of the database, which travels with those of other orders: a burst is bound by round trips.
 */
export class OrderJournal implements ImportJournal {
  readonly uuid: string;
  readonly #pool: Pool;
  readonly #lease: Lease;
  readonly #since: number;
  readonly #calls: OrderCalls;

  /**
   * @param since newest row of `imports` when this importer began: stages of others after it are of a living one
   * @param calls where the calls of this importer's orders gather
   */
  constructor(pool: Pool, lease: Lease, uuid: string, since: number, calls = new OrderCalls(pool)) {
    this.#pool = pool;
    this.#calls = calls;
    this.#lease = lease;
    this.uuid = uuid;
    this.#since = since;
  }

  /** What the order asks for; null when it was closed meanwhile. */
  async open(): Promise<OrderRow | null> {
    return readOpenOrderRow(this.#pool, this.uuid);
  }

  /**
   * Writes `Import Started` unless an earlier attempt did, and lists the files as waiting.
   *
   * @throws LEASE_LOST, ORDER_CLOSED when somebody cancelled it meanwhile, ANOTHER_IMPORTER
   */
  async start(files: readonly string[]): Promise<StartedOrder> {
    const paths = [...new Set(files)];
    const started = await this.#call({ do: 'start', ...this.#fence(), since: this.#since, paths });
    const { waited, archive_path } = started as { waited: number | null; archive_path: string | null };
    return { waited, archivePath: archive_path };
  }

  /** @param ended nothing can go on in the import's session any more */
  async results(results: readonly FileResult[], { ended }: { ended: boolean } = { ended: false }): Promise<void> {
    if (results.length === 0 && !ended) return;
    await this.#call({ do: 'settle', ...this.#fence(), results: storableResults(results), ended });
  }

  /**
   * Writes `Import Preprocessing` unless an earlier attempt did.
   *
   * @throws LEASE_LOST, ORDER_CLOSED
   */
  async preprocessing(): Promise<void> {
    await this.#fenced(async (tx) => {
      await lockOrder(tx, this.uuid);
      const written = await readStageRows(tx, this.uuid);
      if (written.some((row) => isTerminal(row.stage))) throw bridgeError('ORDER_CLOSED', { order: this.uuid });
      if (!written.some((row) => row.stage === stages.preprocessing))
        await appendStage(tx, this.uuid, stages.preprocessing, { fileNames: null, description: null });
    });
  }

  async sessionOpened(sessionId: number): Promise<void> {
    await this.#call({ do: 'session', ...this.#fence(), session: sessionId, host: hostname() });
  }

  async processStarted(sessionId: number, process: ProcessIdentity): Promise<void> {
    await this.#fenced((tx) => setImportProcess(tx, this.uuid, sessionId, process));
  }

  async sessionClosed(): Promise<number> {
    return this.#fenced((tx) => setSessionClosed(tx, this.uuid));
  }

  async sessionEnded(): Promise<void> {
    await this.results([], { ended: true });
  }

  /**
   * The last results and the one terminal row, unless there is one already; nothing may go on in the import's session
   * any more, and the lease ends with it. Gives the seconds since the order was started; 0 when it never was.
   *
   * @throws LEASE_LOST, ANOTHER_IMPORTER when somebody else wrote about this order
   */
  async close(
    stage: typeof stages.completed | typeof stages.failed,
    more: { fileNames: string | null; description: string | null; results?: readonly FileResult[] },
  ): Promise<number> {
    const closed = await this.#call({
      do: 'close',
      ...this.#fence(),
      since: this.#since,
      terminal: stage,
      file_names: more.fileNames,
      description: more.description?.toWellFormed() ?? null,
      results: storableResults(more.results ?? []),
    });
    this.#lease.ended();
    return (closed as { seconds: number | null }).seconds ?? 0;
  }

  /** Leaves the order pending until this version can import it, and says why. True when that was not said before. */
  async wait(error: BridgeError): Promise<boolean> {
    return this.#fenced((tx) => noteWaiting(tx, this.uuid, error));
  }

  /** Counts an attempt that stopped; how many there were. */
  async failed(error: unknown): Promise<number> {
    return this.#fenced((tx) => noteFailure(tx, this.uuid, error));
  }

  #fence(): { order: string; token: number } {
    return { order: this.uuid, token: this.#lease.token };
  }

  /** One of the functions of the database that fence themselves. */
  async #call(call: OrderCall): Promise<unknown> {
    if (this.#lease.signal.aborted) throw leaseLost(this.uuid);
    try {
      return await this.#calls.call(call);
    } catch (error) {
      throw refusalOf(error, this.uuid);
    }
  }

  #fenced<T>(work: (tx: Database) => Promise<T>): Promise<T> {
    return transaction(this.#pool, async (tx) => {
      await requireLease(tx, this.#lease);
      return work(tx);
    });
  }
}
