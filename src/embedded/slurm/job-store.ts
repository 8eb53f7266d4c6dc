import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../../lib/sync-folder.ts';
import type { Job } from './job.ts';

/** Ended jobs that are kept; the oldest beyond them are forgotten, as an accounting database is purged. */
const historyLength = 10_000;

/**
 * All jobs, durable: a journal of lines, each the newest state of one job, appended and synced before anything is done
 * or answered. Opening it reads the lines (one torn by a crash was never answered for) and writes them anew.
 */
export class JobStore {
  readonly jobs = new Map<number, Job>();
  readonly #path: string;
  #nextId = 1;
  #file: number | null = null;

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(directory: string): Promise<JobStore> {
    const store = new JobStore(join(directory, 'jobs.jsonl'));
    store.#read();
    store.#rewrite();
    await syncFolder(directory);
    return store;
  }

  /** Ids that no job had before; they become durable with the jobs. */
  takeIds(count: number): number {
    const first = this.#nextId;
    this.#nextId += count;
    return first;
  }

  save(...jobs: readonly Job[]): void {
    if (this.#file === null) throw new Error('the journal of jobs is closed');
    for (const job of jobs) this.jobs.set(job.id, job);
    writeSync(this.#file, lines(this.#nextId, jobs));
    fsyncSync(this.#file);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #read(): void {
    if (!existsSync(this.#path)) return;
    for (const line of readFileSync(this.#path, 'utf8').split('\n')) {
      const entry = parse(line);
      if (entry?.job) this.jobs.set(entry.job.id, entry.job);
      this.#nextId = Math.max(this.#nextId, entry?.nextId ?? 1, (entry?.job?.id ?? 0) + 1);
    }
  }

  #rewrite(): void {
    const ended = [...this.jobs.values()].filter((job) => job.ended !== null).sort((a, b) => a.id - b.id);
    for (const job of ended.slice(0, Math.max(0, ended.length - historyLength))) this.jobs.delete(job.id);
    const file = openSync(`${this.#path}.new`, 'w', 0o600);
    writeSync(file, lines(this.#nextId, [...this.jobs.values()]));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${this.#path}.new`, this.#path);
    this.#file = openSync(this.#path, 'a');
  }
}

interface Entry {
  nextId?: number;
  job?: Job;
}

function lines(nextId: number, jobs: readonly Job[]): string {
  const entries: Entry[] = [{ nextId }, ...jobs.map((job) => ({ job }))];
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

function parse(line: string): Entry | null {
  try {
    return line === '' ? null : (JSON.parse(line) as Entry);
  } catch {
    return null;
  }
}
