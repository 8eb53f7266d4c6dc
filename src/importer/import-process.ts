import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { identifyProcess } from '../lib/process-identity.ts';
import { describeExit } from '../omero/agent/exit-code.ts';
import type { ImporterMetrics } from '../metrics/metrics.ts';
import type { ImportOutcome, ImportRun, runImport } from '../omero/agent/run-import.ts';
import type { OmeroSession } from '../omero/session.ts';
import { importLogName } from '../orders/import-log.ts';
import type { FileResult } from '../orders/file-results.ts';
import type { ImportJournal } from './import-session.ts';
import type { ImportOrder } from './parse-order.ts';

/** Results are written at most this often. */
const progressEveryMs = 400;

/**
 * One import process for all missing files of an order; its session is stored before it starts, so that a successor can
 * end it. Writes results as the files come. When it returns, the process has ended by itself, and nothing goes on in the
 * session: that is noted when the order is closed.
 *
 * @throws the signal's reason, what `enter` throws, the loss of the session, IMPORT_STALLED, IMPORT_PROGRAM_NOT_STARTED
 */
export async function importMissing(
  {
    config,
    log,
    importFiles,
    metrics,
    enter,
    transfer = 'ln_s',
  }: {
    config: Config;
    log: Logger;
    importFiles: typeof runImport;
    metrics?: ImporterMetrics | null;
    /** Waits until the process may start. */
    enter?: () => Promise<void>;
    transfer?: NonNullable<ImportRun['transfer']>;
  },
  journal: ImportJournal,
  session: OmeroSession,
  order: Pick<ImportOrder, 'uuid' | 'destination'>,
  paths: string[],
  signal: AbortSignal,
): Promise<ImportOutcome> {
  const { sessionId } = session.context;
  await journal.sessionOpened(sessionId);
  await enter?.();
  metrics?.process();
  const progress = new Progress(journal, log);
  const watchdog = new Watchdog(config.importer.stallSeconds, order.uuid);
  const outcome = await importFiles({
    command: config.importer.command,
    omero: config.omero,
    sessionKey: session.key,
    destination: order.destination,
    transfer,
    paths,
    skip: config.importer.skip,
    parallelUpload: config.importer.parallelUpload,
    parallelFilesets: config.importer.parallelFilesets,
    logPath: join(config.importer.logDir, importLogName(order.uuid)),
    runAs: config.importer.runAs,
    memory: config.importer.memory,
    signal: AbortSignal.any([signal, session.lost, watchdog.signal]),
    onOutput: () => watchdog.heard(),
    onStart: ({ pid }) => {
      const identity = identifyProcess(pid);
      if (identity) progress.write(() => journal.processStarted(sessionId, identity));
    },
    onProgress: ({ file, filesetId, imageIds, plateIds }) => {
      if (file !== null) progress.add({ path: file, state: 'imported', filesetId, imageIds, plateIds, error: null });
    },
  }).finally(async () => {
    watchdog.end();
    await progress.end();
  });
  // The process has ended, but not by itself: what it began inside OMERO may go on, so its session stays on record.
  signal.throwIfAborted();
  session.lost.throwIfAborted();
  watchdog.signal.throwIfAborted();
  const { exitCode, killed, filesets, errors } = outcome;
  log.info({ exitCode, killed, filesets: filesets.length, errors: errors.length }, 'the import process ended');
  return outcome;
}

/**
 * The process ended badly with files that it said nothing about: that is no fault of these files.
 *
 * @throws IMPORT_PROCESS_FAILED
 */
export function checkEnd(outcome: ImportOutcome, unexplained: readonly string[], total: number): void {
  const { exitCode, killed, stderrTail } = outcome;
  const bad = killed !== null || (exitCode !== null && exitCode !== 0 && !/No imports found/.test(stderrTail));
  if (!bad || unexplained.length === 0) return;
  const lines = stderrTail.split('\n').filter((line) => line.trim() !== '');
  throw bridgeError('IMPORT_PROCESS_FAILED', {
    how: killed ?? describeExit(exitCode),
    left: unexplained.length,
    total,
    reason: lines.at(-1)?.trim().replace(/\.+$/, '') ?? 'it printed nothing',
  });
}

/** Aborts when nothing was heard for too long. However long an import takes, one that goes on is left alone. */
class Watchdog {
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(stallSeconds: number, order: string) {
    this.#timer = setTimeout(() => {
      this.#stop.abort(bridgeError('IMPORT_STALLED', { order, minutes: Math.round(stallSeconds / 6) / 10 }));
    }, stallSeconds * 1000);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  heard(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Collects results and writes them a few times per second; progress that cannot be written is written at the end. */
class Progress {
  readonly #journal: ImportJournal;
  readonly #log: Logger;
  #results: FileResult[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(journal: ImportJournal, log: Logger) {
    this.#journal = journal;
    this.#log = log;
  }

  add(result: FileResult): void {
    this.#results.push(result);
    this.#timer ??= setTimeout(() => this.#flush(), progressEveryMs);
  }

  write(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch((error: unknown) => {
      this.#log.debug({ error: describeError(error) }, 'progress was not written');
    });
  }

  async end(): Promise<void> {
    this.#flush();
    await this.#writing;
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const results = this.#results;
    this.#results = [];
    if (results.length) this.write(() => this.#journal.results(results));
  }
}
