import { bridgeError, type BridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { requireLease, type Lease } from '../lib/lease.ts';
import { insertFiles, updateFiles, type FileResult } from '../orders/file-results.ts';
import { isTerminal } from '../orders/read-order.ts';
import { forgetFailures, noteFailure, noteWaiting } from './attempts.ts';
import {
  deleteImportSession,
  insertImportSession,
  setImportProcess,
  setSessionClosed,
  type ImportJournal,
} from './import-session.ts';
import { appendStage, lockOrder, readStageRows, secondsSince } from '../orders/stages.ts';
import { readOrderRow, type OrderRow } from './order-rows.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';

/**
 * Everything that is written about one order while it is imported: each a short transaction of its own, and each fenced
 * by the lease, so that a holder that was paused and superseded writes nothing.
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

  /**
   * What the order asks for; null when it was closed meanwhile.
   *
   * @throws LEASE_LOST, ANOTHER_IMPORTER
   */
  async open(): Promise<OrderRow | null> {
    return this.#fenced(async (tx) => ((await this.#isClosed(tx)) ? null : readOrderRow(tx, this.uuid)));
  }

  /**
   * Writes `Import Started` unless an earlier attempt did, and lists the files as waiting. Gives the seconds since the
   * order was placed; null when it had been started before.
   *
   * @throws ORDER_CLOSED when somebody cancelled it meanwhile
   */
  async start(files: readonly string[]): Promise<number | null> {
    return this.#fenced(async (tx) => {
      await lockOrder(tx, this.uuid);
      const rows = await readStageRows(tx, this.uuid);
      if (rows.some((r) => isTerminal(r.stage))) throw bridgeError('ORDER_CLOSED', { order: this.uuid });
      const first = !rows.some((r) => r.stage === stages.started);
      if (first) await appendStage(tx, this.uuid, stages.started, { fileNames: null, description: null });
      await insertFiles(tx, this.uuid, files);
      return first ? secondsSince(tx, this.uuid, stages.pending) : null;
    });
  }

  async results(results: readonly FileResult[]): Promise<void> {
    if (results.length) await this.#fenced((tx) => updateFiles(tx, this.uuid, results));
  }

  async sessionOpened(sessionId: number): Promise<void> {
    await this.#fenced((tx) => insertImportSession(tx, this.uuid, sessionId));
  }

  async processStarted(sessionId: number, process: ProcessIdentity): Promise<void> {
    await this.#fenced((tx) => setImportProcess(tx, this.uuid, sessionId, process));
  }

  async sessionClosed(): Promise<number> {
    return this.#fenced((tx) => setSessionClosed(tx, this.uuid));
  }

  async sessionEnded(): Promise<void> {
    await this.#fenced((tx) => deleteImportSession(tx, this.uuid));
  }

  /**
   * The one terminal row, unless there is one already.
   *
   * @throws ANOTHER_IMPORTER when somebody else wrote about this order
   */
  async close(
    stage: typeof stages.completed | typeof stages.failed,
    more: { fileNames: string | null; description: string | null },
  ): Promise<void> {
    await this.#fenced(async (tx) => {
      await lockOrder(tx, this.uuid);
      if (await this.#isClosed(tx)) return;
      await appendStage(tx, this.uuid, stage, more);
      await forgetFailures(tx, this.uuid);
    });
  }

  /** Leaves the order pending until this version can import it, and says why. True when that was not said before. */
  async wait(error: BridgeError): Promise<boolean> {
    return this.#fenced((tx) => noteWaiting(tx, this.uuid, error));
  }

  /** Seconds since the order was started; 0 when it never was. */
  async secondsSinceStart(): Promise<number> {
    return secondsSince(this.#pool, this.uuid, stages.started);
  }

  /** Counts an attempt that stopped; how many there were. */
  async failed(error: unknown): Promise<number> {
    return this.#fenced((tx) => noteFailure(tx, this.uuid, error));
  }

  async #isClosed(tx: Database): Promise<boolean> {
    const rows = await readStageRows(tx, this.uuid);
    const foreign = rows.find((r) => !r.ours && r.id > this.#since);
    if (foreign) throw bridgeError('ANOTHER_IMPORTER', { order: this.uuid, stage: foreign.stage });
    return rows.some((r) => isTerminal(r.stage));
  }

  #fenced<T>(work: (tx: Database) => Promise<T>): Promise<T> {
    return transaction(this.#pool, async (tx) => {
      await requireLease(tx, this.#lease);
      return work(tx);
    });
  }
}
