import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportOutcome, ImportRun } from '../../src/omero/agent/run-import.ts';
import { clientPathOf } from '../../src/omero/client-path.ts';
import type { OmeroSession } from '../../src/omero/session.ts';

/**
 * An OMERO that costs nothing, and an import that costs a sleep a file and one for its process: what is measured is the importer alone, as
 * BIOMERO's is measured with OMERO's Python client replaced.
 */
export class StubOmero {
  readonly counts = { sessions: 0, processes: 0, imports: 0 };
  readonly #costs: { file: number; process: number };
  readonly #filesets = new Map<string, number>();
  #next = 1;

  /** @param costs seconds that importing a file, and starting a process, cost */
  constructor(costs: { file: number; process: number }) {
    this.#costs = costs;
  }

  async admin(): Promise<OmeroSession> {
    return this.#session();
  }

  async close(): Promise<void> {
    this.#filesets.clear();
  }

  /** Takes the place of `runImport`. */
  importFiles = async (run: ImportRun): Promise<ImportOutcome> => {
    this.counts.processes++;
    if (this.#costs.process > 0) await sleep(this.#costs.process * 1000);
    for (const path of run.paths) {
      await sleep(this.#costs.file * 1000);
      this.counts.imports++;
      this.#filesets.set(path, this.#next++);
    }
    return { exitCode: 0, killed: null, filesets: [], errors: [], stderrTail: '' };
  };

  #session(): OmeroSession {
    const session = {
      key: 'stub',
      context: { userId: 2, userName: 'alice', groupId: 3, groupName: 'g', sessionId: this.#next++, isAdmin: true },
      lost: new AbortController().signal,
      sudo: async () => {
        this.counts.sessions++;
        return this.#session();
      },
      close: async () => undefined,
      closeSession: async () => 'gone',
      allGroups: async () => [],
      findContainer: async (_: string, id: number) => ({ id, name: 'd', groupId: 3, ownerId: 2 }),
      unfinishedImportJobs: async () => [],
      annotate: async () => undefined,
      filesetsByClientPath: async (paths: readonly string[]) =>
        paths.flatMap((path) => {
          const id = this.#filesets.get(path);
          if (id === undefined) return [];
          return [{ filesetId: id, clientPath: clientPathOf(path), imageIds: [id], plateIds: [], datasetIds: [1] }];
        }),
    };
    return session as unknown as OmeroSession;
  }
}
