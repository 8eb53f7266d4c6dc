import {
  deleteImportSession,
  insertImportSession,
  setImportProcess,
  setSessionClosed,
  type ImportJournal,
} from '../importer/import-session.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { insertFiles, updateFiles, type FileResult } from '../orders/file-results.ts';
import type { StepHandle } from './context.ts';

/**
 * What is written down of an upload by the worker itself, under the id of its import task and beside the run: fenced by
 * the run's lease, so that a worker that was paused and superseded writes nothing.
 */
export class UploadJournal implements ImportJournal {
  readonly uuid: string;
  readonly #step: Pick<StepHandle, 'write' | 'progress'>;
  readonly #done = new Set<string>();
  #total = 0;

  constructor(taskId: string, step: Pick<StepHandle, 'write' | 'progress'>) {
    this.uuid = taskId;
    this.#step = step;
  }

  /** Lists the images as waiting; those that have a result keep it. */
  async begin(paths: readonly string[]): Promise<void> {
    this.#total = paths.length;
    await this.#step.write((tx) => insertFiles(tx, this.uuid, paths));
  }

  async results(results: readonly FileResult[]): Promise<void> {
    if (!results.length) return;
    await this.#step.write((tx) => updateFiles(tx, this.uuid, results));
    for (const { path, state } of results)
      if (state === 'failed') this.#done.delete(path);
      else this.#done.add(path);
    this.#step.progress({ filesDone: this.#done.size, filesTotal: this.#total });
  }

  async sessionOpened(sessionId: number): Promise<void> {
    await this.#step.write((tx) => insertImportSession(tx, this.uuid, sessionId));
  }

  async processStarted(sessionId: number, process: ProcessIdentity): Promise<void> {
    await this.#step.write((tx) => setImportProcess(tx, this.uuid, sessionId, process));
  }

  async sessionClosed(): Promise<number> {
    let since = 0;
    await this.#step.write(async (tx) => {
      since = await setSessionClosed(tx, this.uuid);
    });
    return since;
  }

  async sessionEnded(): Promise<void> {
    await this.#step.write((tx) => deleteImportSession(tx, this.uuid));
  }
}
