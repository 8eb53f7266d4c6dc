import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { bridgeError, describeError, isBridgeError, type BridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction, type Database, type Pool } from '../lib/database.ts';
import { requireLease, type Lease } from '../lib/lease.ts';
import { identifyProcess, stopProcess } from '../lib/process-identity.ts';
import type { OmeroAccess } from '../omero/access.ts';
import { runImport } from '../omero/agent/run-import.ts';
import { clientPathOf } from '../omero/client-path.ts';
import type { OmeroSession } from '../omero/session.ts';
import { fileResults, insertFiles, updateFiles, type FileResult } from '../orders/file-results.ts';
import { allowedFolders, refusalOfFile } from './allowed-files.ts';
import { annotateImages } from './annotate-images.ts';
import { deleteImportSession, insertImportSession, readImportSession, setImportProcess } from './import-session.ts';
import { appendStage, readArchivePath, readOrderRows, type OrderRow } from './order-rows.ts';
import { describeFailures, mergeFound, type FoundFileset } from './outcome.ts';
import { fileNamesColumn, parseOrder, type ImportOrder } from './parse-order.ts';

export interface ImporterParts {
  config: Config;
  pool: Pool;
  omero: OmeroAccess;
  log: Logger;
}

/** How long a successor waits for an import that its predecessor left running inside OMERO. */
const unfinishedWaitMs = 30_000;
const lookAgainMs = 500;

/**
 * Imports one order under a lease, from whatever an earlier attempt left. Ends with exactly one terminal row; throws
 * for what is worth another try, and when the lease was lost or the importer stops.
 *
 * @throws LEASE_LOST, ANOTHER_IMPORTER, and retryable errors of OMERO
 */
export async function importOrder(
  parts: ImporterParts,
  row: OrderRow,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  const work = new OrderWork(parts, row, lease, AbortSignal.any([signal, lease.signal]));
  if (!(await work.begin())) return;
  let order: ImportOrder;
  try {
    order = parseOrder(row);
    await work.importFiles(order);
  } catch (error) {
    if (!isBridgeError(error) || error.retryable || error.code === 'ANOTHER_IMPORTER') throw error;
    await work.fail(error);
  }
}

class OrderWork {
  readonly #parts: ImporterParts;
  readonly #row: OrderRow;
  readonly #lease: Lease;
  readonly #signal: AbortSignal;
  #newestRow = 0;

  constructor(parts: ImporterParts, row: OrderRow, lease: Lease, signal: AbortSignal) {
    this.#parts = parts;
    this.#row = row;
    this.#lease = lease;
    this.#signal = signal;
  }

  /** Writes `Import Started` once per order; false when the order was closed meanwhile. */
  async begin(): Promise<boolean> {
    return this.#fenced(async (tx) => {
      const rows = await readOrderRows(tx, this.#row.uuid);
      if (rows.some((r) => r.stage === stages.completed || r.stage === stages.failed)) return false;
      this.#newestRow = rows.at(-1)?.id ?? 0;
      if (!rows.some((r) => r.stage === stages.started))
        this.#newestRow = await appendStage(tx, this.#row, stages.started, {
          fileNames: this.#row.file_names ?? '[]',
          description: null,
        });
      return true;
    });
  }

  async importFiles(order: ImportOrder): Promise<void> {
    const { pool, config, omero, log } = this.#parts;
    await this.#fenced((tx) => insertFiles(tx, order.uuid, order.files));
    const allowed = await allowedFolders(config.storage, order.group);
    const refused: FileResult[] = [];
    for (const path of order.files) {
      const reason = await refusalOfFile(path, allowed, order.group);
      if (reason !== null) refused.push(failedFile(path, reason));
    }
    await this.#fenced((tx) => updateFiles(tx, order.uuid, refused));
    const candidates = order.files.filter((path) => !refused.some((r) => r.path === path));

    const admin = await omero.admin();
    await this.#endPredecessor(admin, candidates);
    const session = await admin.sudo(order.user, order.group);
    try {
      const container = await session.findContainer(order.destination.type, order.destination.id);
      if (!container || container.groupId !== session.context.groupId)
        throw bridgeError('DESTINATION_GONE', { ...order.destination, group: order.group, user: order.user });
      const there = await this.#find(session, order, candidates);
      const before = new Set(there.keys());
      // A file that this order imported in an earlier attempt is its own work, not somebody else's.
      const own = new Set(
        (await fileResults(pool, order.uuid)).filter((r) => r.state === 'imported').map((r) => r.path),
      );
      const missing = candidates.filter((path) => !there.has(path));
      const errors = missing.length ? await this.#runProcess(session, order, missing) : [];
      const found = missing.length ? await this.#find(session, order, candidates) : there;
      const results = mergeFound(candidates, found, errors, (path) => before.has(path) && !own.has(path));
      await this.#fenced((tx) => updateFiles(tx, order.uuid, results));
      await this.#annotate(session, order, results, log);
      await this.#finish(order, [...refused, ...results]);
    } finally {
      await session.close();
    }
  }

  async fail(error: BridgeError): Promise<void> {
    await this.#terminal(stages.failed, this.#row.file_names ?? '[]', `${error.message} ${error.remedy}`);
  }

  /**
   * What an earlier attempt left: its process is ended, its session closed until it is gone, and an import that goes on
   * inside OMERO gets time to end. Only then can asking OMERO tell what is missing.
   */
  async #endPredecessor(admin: OmeroSession, paths: string[]): Promise<void> {
    const left = await readImportSession(this.#parts.pool, this.#row.uuid);
    if (!left) return;
    if (left.process) await stopProcess(left.process, { graceMs: 2_000 });
    await admin.closeSession(left.sessionId);
    const deadline = Date.now() + unfinishedWaitMs;
    for (;;) {
      const filesets = (await admin.filesetsByClientPath(paths)).filter(
        (f) => !f.imageIds.length && !f.plateIds.length,
      );
      const open = await admin.unfinishedImportJobs(filesets.map((f) => f.filesetId));
      if (!open.length) return;
      if (Date.now() > deadline) {
        this.#parts.log.warn({ filesets: open }, 'imports that nobody runs any more were left unfinished in OMERO');
        return;
      }
      await pause(lookAgainMs, this.#signal);
    }
  }

  /** Files that have images or plates in the destination. */
  async #find(session: OmeroSession, order: ImportOrder, paths: string[]): Promise<Map<string, FoundFileset>> {
    const byClientPath = new Map(paths.map((path) => [clientPathOf(path), path]));
    const found = new Map<string, FoundFileset>();
    for (const fileset of await session.filesetsByClientPath(paths)) {
      const path = byClientPath.get(fileset.clientPath);
      const here =
        order.destination.type === 'Screen'
          ? fileset.plateIds.length > 0
          : fileset.imageIds.length > 0 && fileset.datasetIds.includes(order.destination.id);
      if (path !== undefined && here) found.set(path, fileset);
    }
    return found;
  }

  /** One import process for all missing files; its session is stored before it starts. Reasons of what failed. */
  async #runProcess(
    session: OmeroSession,
    order: ImportOrder,
    paths: string[],
  ): Promise<{ file: string; reason: string }[]> {
    const { config, pool, log } = this.#parts;
    await this.#fenced((tx) => insertImportSession(tx, order.uuid, session.context.sessionId));
    let writing: Promise<unknown> = Promise.resolve();
    const outcome = await runImport({
      command: config.importer.command,
      omero: config.omero,
      sessionKey: session.key,
      destination: order.destination,
      paths,
      skip: config.importer.skip,
      parallelUpload: config.importer.parallelUpload,
      parallelFilesets: config.importer.parallelFilesets,
      logPath: join(config.importer.logDir, `import-${order.uuid}.log`),
      runAs: config.importer.runAs,
      signal: AbortSignal.any([this.#signal, session.lost]),
      onStart: ({ pid }) => {
        const identity = identifyProcess(pid);
        if (identity) writing = writing.then(() => setImportProcess(pool, order.uuid, identity));
      },
      onProgress: ({ file, filesetId, imageIds, plateIds }) => {
        if (file === null) return;
        const result: FileResult = { path: file, state: 'imported', filesetId, imageIds, plateIds, error: null };
        writing = writing.then(() => this.#fenced((tx) => updateFiles(tx, order.uuid, [result])));
        writing.catch((error: unknown) => log.debug({ error: describeError(error) }, 'progress was not written'));
      },
    });
    await writing.catch(() => undefined);
    this.#signal.throwIfAborted();
    await this.#fenced((tx) => deleteImportSession(tx, order.uuid));
    log.info(
      {
        order: order.uuid,
        exitCode: outcome.exitCode,
        filesets: outcome.filesets.length,
        errors: outcome.errors.length,
      },
      'the import process ended',
    );
    return outcome.errors;
  }

  /** A missing annotation does not undo an import: it is tried a few times, then said in the log. */
  async #annotate(session: OmeroSession, order: ImportOrder, results: FileResult[], log: Logger): Promise<void> {
    const root = await readArchivePath(this.#parts.pool, order.uuid);
    for (let attempt = 1; ; attempt++) {
      try {
        await annotateImages(session, this.#parts.config.importer.annotationNamespace, order, results, root);
        return;
      } catch (error) {
        this.#signal.throwIfAborted();
        log.warn({ attempt, error: describeError(error) }, 'images were imported but not annotated');
        if (attempt === 3 || session.lost.aborted) return;
        await pause(500 * attempt, this.#signal);
      }
    }
  }

  async #finish(order: ImportOrder, results: FileResult[]): Promise<void> {
    const failed = results.filter((r) => r.state === 'failed');
    const names = fileNamesColumn(order.files);
    if (!failed.length) await this.#terminal(stages.completed, names, null);
    else await this.#terminal(stages.failed, names, describeFailures(results));
  }

  /** The one terminal row. If somebody else wrote about this order meanwhile, a second importer is at work. */
  async #terminal(
    stage: typeof stages.completed | typeof stages.failed,
    fileNames: string,
    description: string | null,
  ): Promise<void> {
    await this.#fenced(async (tx) => {
      const foreign = (await readOrderRows(tx, this.#row.uuid)).find((r) => r.id > this.#newestRow);
      if (foreign) throw bridgeError('ANOTHER_IMPORTER', { order: this.#row.uuid, stage: foreign.stage });
      this.#newestRow = await appendStage(tx, this.#row, stage, { fileNames, description });
    });
  }

  #fenced<T>(work: (tx: Database) => Promise<T>): Promise<T> {
    return transaction(this.#parts.pool, async (tx) => {
      await requireLease(tx, this.#lease);
      return work(tx);
    });
  }
}

function failedFile(path: string, error: string): FileResult {
  return { path, state: 'failed', filesetId: null, imageIds: [], plateIds: [], error };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
