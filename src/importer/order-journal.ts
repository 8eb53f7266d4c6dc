import { hostname } from 'node:os';
import { bridgeError, type BridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { requireLease, type Lease } from '../lib/lease.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { resultsAsJson, type FileResult } from '../orders/file-results.ts';
import { isTerminal } from '../orders/read-order.ts';
import { appendStage, lockOrder, readStageRows } from '../orders/stages.ts';
import { noteFailure, noteWaiting } from './attempts.ts';
import { setImportProcess, setSessionClosed, type ImportJournal } from './import-session.ts';
import { readOpenOrderRow, type OrderRow } from './order-rows.ts';

/**
 * Everything that is written about one order while it is imported: each a short transaction of its own, and each fenced
 * by the lease, so that a holder that was paused and superseded writes nothing. What every order needs is one call to a
 * function of the database (`migrations/orders/0006-order-journal.sql`): a burst of orders is bound by round trips.
 */
export class OrderJournal implements ImportJournal {
  readonly uuid: string;
  readonly #pool: Pool;
  readonly #lease: Lease;
  readonly #since: number;

  /** @param since newest row of `imports` when this importer began: stages of others after it are of a living one */
  constructor(pool: Pool, lease: Lease, uuid: string, since: number) {
    this.#pool = pool;
    this.#lease = lease;
    this.uuid = uuid;
    this.#since = since;
  }

  /** What the order asks for; null when it was closed meanwhile. */
  async open(): Promise<OrderRow | null> {
    return readOpenOrderRow(this.#pool, this.uuid);
  }

  /**
   * Writes `Import Started` unless an earlier attempt did, and lists the files as waiting. `waited` are the seconds
   * since the order was placed, null when it had been started before; `archivePath` the folder that its archive stands
   * in, for orders that we placed.
   *
   * @throws LEASE_LOST, ORDER_CLOSED when somebody cancelled it meanwhile, ANOTHER_IMPORTER
   */
  async start(files: readonly string[]): Promise<{ waited: number | null; archivePath: string | null }> {
    const row = await this.#call<{ waited: number | null; archive_path: string | null }>(
      'select * from bridge.start_order($1, $2, $3, $4)',
      [this.#since, [...new Set(files)]],
    );
    return { waited: row?.waited ?? null, archivePath: row?.archive_path ?? null };
  }

  /** @param ended nothing can go on in the import's session any more */
  async results(results: readonly FileResult[], { ended }: { ended: boolean } = { ended: false }): Promise<void> {
    if (results.length === 0 && !ended) return;
    await this.#call('select bridge.settle_files($1, $2, $3, $4)', [resultsAsJson(results), ended]);
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
    await this.#call('select bridge.open_import_session($1, $2, $3, $4)', [sessionId, hostname()]);
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
   * any more. Gives the seconds since the order was started; 0 when it never was.
   *
   * @throws LEASE_LOST, ANOTHER_IMPORTER when somebody else wrote about this order
   */
  async close(
    stage: typeof stages.completed | typeof stages.failed,
    more: { fileNames: string | null; description: string | null; results?: readonly FileResult[] },
  ): Promise<number> {
    const row = await this.#call<{ seconds: number | null }>(
      'select bridge.close_order($1, $2, $3, $4, $5, $6, $7) as seconds',
      [this.#since, stage, more.fileNames, more.description, resultsAsJson(more.results ?? [])],
    );
    return row?.seconds ?? 0;
  }

  /** Leaves the order pending until this version can import it, and says why. True when that was not said before. */
  async wait(error: BridgeError): Promise<boolean> {
    return this.#fenced((tx) => noteWaiting(tx, this.uuid, error));
  }

  /** Counts an attempt that stopped; how many there were. */
  async failed(error: unknown): Promise<number> {
    return this.#fenced((tx) => noteFailure(tx, this.uuid, error));
  }

  /** One of the functions of the database that fence themselves; the order and the lease's token are added. */
  async #call<R>(text: string, values: unknown[]): Promise<R | undefined> {
    if (this.#lease.signal.aborted) throw this.#leaseLost();
    try {
      const { rows } = await this.#pool.query<R & Record<string, unknown>>(text, [
        this.uuid,
        this.#lease.token,
        ...values,
      ]);
      return rows[0];
    } catch (error) {
      const { code, detail } = error as { code?: string; detail?: string };
      if (code === 'BB001') throw this.#leaseLost();
      if (code === 'BB002') throw bridgeError('ORDER_CLOSED', { order: this.uuid });
      if (code === 'BB003') throw bridgeError('ANOTHER_IMPORTER', { order: this.uuid, stage: detail ?? '' });
      throw error;
    }
  }

  #leaseLost(): BridgeError {
    return bridgeError('LEASE_LOST', { resource: this.#lease.resource });
  }

  #fenced<T>(work: (tx: Database) => Promise<T>): Promise<T> {
    return transaction(this.#pool, async (tx) => {
      await requireLease(tx, this.#lease);
      return work(tx);
    });
  }
}
