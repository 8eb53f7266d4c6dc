import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Job } from './job.ts';

/** Jobs kept; the oldest ended ones are forgotten beyond this, as an accounting database is purged. */
const longestHistory = 5_000;

/** All jobs, in one file that is replaced as a whole: after any crash it holds the state before or after a change. */
export class JobStore {
  readonly #path: string;
  readonly jobs: Map<number, Job>;
  #nextId: number;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#path = join(directory, 'jobs.json');
    const saved = existsSync(this.#path)
      ? (JSON.parse(readFileSync(this.#path, 'utf8')) as { nextId: number; jobs: Job[] })
      : { nextId: 1, jobs: [] };
    this.#nextId = saved.nextId;
    this.jobs = new Map(saved.jobs.map((job) => [job.id, job]));
  }

  /** A number that no job had before. */
  takeId(): number {
    return this.#nextId++;
  }

  save(): void {
    for (const [id, job] of this.jobs) {
      if (this.jobs.size <= longestHistory) break;
      if (job.ended !== null) this.jobs.delete(id);
    }
    const file = openSync(`${this.#path}.new`, 'w', 0o600);
    writeSync(file, JSON.stringify({ nextId: this.#nextId, jobs: [...this.jobs.values()] }));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${this.#path}.new`, this.#path);
  }
}
