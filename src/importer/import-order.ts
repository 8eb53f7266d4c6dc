import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { bridgeError, describeError, isBridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import type { Pool } from '../lib/database.ts';
import type { OmeroAccess } from '../omero/access.ts';
import type { ImporterMetrics } from '../metrics/metrics.ts';
import type { runImport } from '../omero/agent/run-import.ts';
import type { OmeroSession } from '../omero/session.ts';
import { fileResults, type FileResult } from '../orders/file-results.ts';
import { allowedFolders, refusalOfFile } from './allowed-files.ts';
import { annotateImages, type AnnotatedResult } from './annotate-images.ts';
import { afterError, reasonOf, waitingCodes } from './attempts.ts';
import type { ClaimedOrder, StartedOrder } from './claim-order.ts';
import { checkDestination } from './destination.ts';
import { clashingNames, locateFiles, type FoundFiles } from './found-files.ts';
import { checkEnd, importMissing } from './import-process.ts';
import { HandedBack } from './import-workers.ts';
import type { OrderCalls } from './order-calls.ts';
import { OrderJournal } from './order-journal.ts';
import { describeResults, failedFile, mergeFound } from './outcome.ts';
import { fileNamesColumn, parseOrder, type ImportOrder } from './parse-order.ts';
import { pause } from './pause.ts';
import { importConverted } from './preprocess/import-converted.ts';
import { endPredecessor } from './predecessor.ts';
import { registerStores } from './zarr/register-stores.ts';
import { isZarrPath } from '../zarr/store-name.ts';

export interface ImporterParts {
  config: Config;
  pool: Pool;
  omero: Pick<OmeroAccess, 'admin'>;
  log: Logger;
  /** Where what is written about the orders of this importer gathers. */
  calls: OrderCalls;
  /** Newest row of `imports` when this importer began. */
  sinceRow: number;
  /** How long a successor waits for an import that its predecessor left running inside OMERO. */
  unfinishedWaitMs: number;
  metrics: ImporterMetrics | null;
  importFiles: typeof runImport;
  /**
   * Waits until one of `max_workers` is free for this order; to be called, once or more, before anything that takes its time.
   *
   * @throws HandedBack, the signal's reason
   */
  enter: () => Promise<void>;
  /** Called when the order needs no worker any more. */
  onImported: () => void;
}

const annotationTries = 3;

/**
 * Imports one order under a lease, from whatever an earlier attempt left. Resolves when the order is closed by its one
 * terminal row; throws when it is to be tried again, after that was noted in `bridge.order_attempts`.
 *
 * @throws LEASE_LOST, ANOTHER_IMPORTER, the signal's reason, and whatever another try may overcome
 */
export async function importOrder(
  parts: ImporterParts,
  uuid: string,
  { lease, row: claimed, started }: ClaimedOrder,
  signal: AbortSignal,
): Promise<void> {
  const journal = new OrderJournal(parts.pool, lease, uuid, parts.sinceRow, parts.calls);
  const row = claimed ?? (await journal.open());
  if (!row) return;
  const stop = AbortSignal.any([signal, lease.signal]);
  try {
    const order = parseOrder(row);
    if (order.preprocessingId !== null && !parts.config.importer.containers)
      throw bridgeError('ORDER_NEEDS_PREPROCESSING', { order: uuid });
    await new OrderWork(parts, journal, order, stop).run(started);
  } catch (error) {
    if (isClosed(signal, error)) return await endCancelled(parts, journal, uuid);
    if (stop.aborted || error instanceof HandedBack || isBridgeError(error, 'LEASE_LOST', 'ANOTHER_IMPORTER'))
      throw error;
    if (isBridgeError(error, ...waitingCodes)) {
      if (await journal.wait(error)) parts.log.warn({ code: error.code }, `${error.message} ${error.remedy}`);
      return;
    }
    const failures = await journal.failed(error);
    parts.metrics?.failure(isBridgeError(error) ? error.code : 'UNEXPECTED');
    if (afterError(error, failures) === 'later') throw error;
    const seconds = await journal.close(stages.failed, { fileNames: null, description: reasonOf(error) });
    parts.metrics?.stage('failed', seconds);
    parts.log.warn({ error: describeError(error) }, 'the order failed');
  }
}

/** Somebody closed the order meanwhile; the process that imports it is told by its signal. */
function isClosed(signal: AbortSignal, error: unknown): boolean {
  return isBridgeError(error, 'ORDER_CLOSED') || (signal.aborted && isBridgeError(signal.reason, 'ORDER_CLOSED'));
}

/** Its import process has been ended; what that began inside OMERO ends with its session. */
async function endCancelled(parts: ImporterParts, journal: OrderJournal, uuid: string): Promise<void> {
  await endPredecessor(parts, journal, await parts.omero.admin(), [], {
    waitMs: 0,
    signal: AbortSignal.timeout(60_000),
  });
  parts.log.info({ order: uuid }, 'the order was cancelled; its import has been ended');
}

class OrderWork {
  readonly #parts: ImporterParts;
  readonly #journal: OrderJournal;
  readonly #order: ImportOrder;
  readonly #signal: AbortSignal;

  constructor(parts: ImporterParts, journal: OrderJournal, order: ImportOrder, signal: AbortSignal) {
    this.#parts = parts;
    this.#journal = journal;
    this.#order = order;
    this.#signal = signal;
  }

  async run(started: StartedOrder | null): Promise<void> {
    const { user, group, files } = this.#order;
    const { waited, archivePath } = started ?? (await this.#journal.start(files));
    const isFirst = waited !== null;
    if (isFirst) this.#parts.metrics?.stage('started', waited);
    const admin = await this.#parts.omero.admin();
    const ending = { waitMs: this.#parts.unfinishedWaitMs, signal: this.#signal };
    if (!isFirst) await endPredecessor(this.#parts, this.#journal, admin, files, ending);
    const session = await admin.sudo(user, group);
    try {
      await checkDestination(session, this.#order);
      if (!this.#isPlain()) await this.#parts.enter();
      const earlier = isFirst ? [] : await fileResults(this.#parts.pool, this.#order.uuid);
      const { results, images } = await this.#import(session, earlier, archivePath);
      this.#parts.onImported();
      const missing = await this.#annotate(session, images, archivePath);
      await this.#close(results, missing);
    } finally {
      await session.close();
    }
  }

  /** Nothing but an import process takes its time; until it is to start the order needs no worker. */
  #isPlain(): boolean {
    const { preprocessingId, files } = this.#order;
    return preprocessingId === null && !(this.#parts.config.importer.registerZarr && files.some(isZarrPath));
  }

  /** The files themselves, or where the order says so what containers make of them. */
  async #import(
    session: OmeroSession,
    earlier: readonly FileResult[],
    archivePath: string | null,
  ): Promise<{ results: FileResult[]; images: readonly AnnotatedResult[] }> {
    const { preprocessingId } = this.#order;
    if (preprocessingId === null) {
      const results = await this.#importFiles(session, earlier, archivePath);
      return { results, images: results.map((result) => ({ result })) };
    }
    const { importer } = this.#parts.config;
    const { containers } = importer;
    if (!containers) throw bridgeError('ORDER_NEEDS_PREPROCESSING', { order: this.#order.uuid });
    const work = {
      ...this.#parts,
      session,
      journal: this.#journal,
      order: this.#order,
      signal: this.#signal,
      logDir: importer.logDir,
      containers,
      refusals: (paths: readonly string[]) => this.#refusals(session, paths, archivePath),
      importFiles: async (files: readonly string[]) => {
        const order = { ...this.#order, files: [...files], preprocessingId: null };
        return new OrderWork(this.#parts, this.#journal, order, this.#signal).#importFiles(session, [], archivePath);
      },
    };
    return importConverted(work, preprocessingId);
  }

  /** @param earlier results of earlier attempts at this order */
  async #importFiles(
    session: OmeroSession,
    earlier: readonly FileResult[],
    archivePath: string | null,
  ): Promise<FileResult[]> {
    const { files } = this.#order;
    // What this order imported in an earlier attempt is its own work, and its files may have gone since.
    const own = new Set(earlier.filter((r) => r.state === 'imported').map((r) => r.path));
    const stores = new Set(this.#parts.config.importer.registerZarr ? files.filter(isZarrPath) : []);
    const plain = files.filter((path) => !stores.has(path));
    const before = await this.#locate(session, plain);
    // At the last moment: a path may lead elsewhere than a while ago.
    const refused = await this.#refusals(
      session,
      files.filter((path) => !own.has(path)),
      archivePath,
    );
    const failed = [...refused].map(([path, reason]) => failedFile(path, reason));
    await this.#journal.results(failed);

    const candidates = plain.filter((path) => !refused.has(path));
    const missing = candidates.filter((path) => !before.there.has(path) && !before.misplaced.has(path));
    const { found, errors } = await this.#importMissing(session, candidates, missing, before);
    const foreign = new Set([...before.there.keys()].filter((path) => !own.has(path)));
    const merged = mergeFound(candidates, found, errors, foreign);
    if (stores.size > 0) await this.#journal.results(merged);
    const allowed = [...stores].filter((path) => !refused.has(path));
    const work = { ...this.#parts, session, journal: this.#journal, order: this.#order, signal: this.#signal };
    return [...merged, ...failed, ...(await registerStores(work, allowed, own))];
  }

  async #importMissing(
    session: OmeroSession,
    candidates: readonly string[],
    toImport: string[],
    before: FoundFiles,
  ): Promise<{ found: FoundFiles; errors: { file: string; reason: string }[] }> {
    if (toImport.length === 0) return { found: before, errors: [] };
    const outcome = await importMissing(this.#parts, this.#journal, session, this.#order, toImport, this.#signal);
    const found = await this.#locate(session, candidates);
    // Of a store the importer names one of its files.
    const storeOf = (file: string): string => toImport.find((p) => isZarrPath(p) && file.startsWith(`${p}/`)) ?? file;
    const errors = outcome.errors.map((e) => ({ ...e, file: storeOf(e.file) }));
    const explained = new Set(errors.map((e) => e.file));
    const silent = toImport.filter((p) => !found.there.has(p) && !found.misplaced.has(p) && !explained.has(p));
    try {
      checkEnd(outcome, silent, toImport.length);
    } catch (error) {
      await this.#journal.sessionEnded();
      throw error;
    }
    return { found, errors };
  }

  /** Why files are not imported, by path. */
  async #refusals(
    session: OmeroSession,
    paths: readonly string[],
    archivePath: string | null,
  ): Promise<Map<string, string>> {
    const { group, files } = this.#order;
    const { storage, importer } = this.#parts.config;
    // By its id a renamed group still has its folder.
    const whose = { id: session.context.groupId, name: group };
    const allowed = await allowedFolders(storage, importer.strictFolders, whose, archivePath, () => this.#groups());
    const clashes = clashingNames(files);
    const refused = new Map<string, string>();
    for (const path of paths) {
      const reason = clashes.get(path) ?? (await refusalOfFile(path, allowed, group));
      if (reason !== null) refused.set(path, reason);
    }
    return refused;
  }

  /** Names of OMERO's groups, whose folders are theirs. */
  async #groups(): Promise<string[]> {
    const admin = await this.#parts.omero.admin();
    return (await admin.allGroups()).map((g) => g.name);
  }

  async #locate(session: OmeroSession, paths: readonly string[]): Promise<FoundFiles> {
    return locateFiles(this.#order.destination, paths, await session.filesetsByClientPath(paths));
  }

  /**
   * A missing annotation does not undo an import: it is tried a few times, in a new session when the import's was lost,
   * then said in the log and with the order. Why something is not annotated; null when all is.
   */
  async #annotate(
    session: OmeroSession,
    results: readonly AnnotatedResult[],
    archivePath: string | null,
  ): Promise<string | null> {
    const { config, log } = this.#parts;
    const { user, group } = this.#order;
    for (let attempt = 1; ; attempt++) {
      let own: OmeroSession | null = null;
      try {
        if (session.lost.aborted) own = await (await this.#parts.omero.admin()).sudo(user, group);
        const { annotationNamespace } = config.importer;
        await annotateImages(own ?? session, annotationNamespace, this.#order, results, archivePath);
        return null;
      } catch (error) {
        this.#signal.throwIfAborted();
        log.warn({ attempt, error: describeError(error) }, 'images were imported but not annotated');
        if (attempt === annotationTries) return describeError(error);
      } finally {
        await own?.close();
      }
      await pause(500 * attempt, this.#signal);
    }
  }

  async #close(results: readonly FileResult[], notAnnotated: string | null): Promise<void> {
    const failed = results.some((r) => r.state === 'failed');
    const seconds = await this.#journal.close(failed ? stages.failed : stages.completed, {
      fileNames: fileNamesColumn(this.#order.files),
      description: failed || notAnnotated !== null ? describeResults(results, notAnnotated) : null,
      results,
    });
    if (failed) this.#parts.metrics?.failure('FILES_NOT_IMPORTED');
    this.#parts.metrics?.stage(failed ? 'failed' : 'completed', seconds);
  }
}
