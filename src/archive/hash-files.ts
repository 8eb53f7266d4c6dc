/**
 * Checksums of files, read once. Many files are read on threads: opening, reading and closing hundreds of thousands of
 * small ones through the event loop takes five times as long.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { startThread } from '../lib/own-thread.ts';

export interface FileHash {
  /** Hex. */
  sha256: string;
  crc32: number;
  bytes: number;
}

export type HashResult = FileHash | { error: string };

/** Checksums of a regular file; a link is not followed. */
export async function hashFile(path: string): Promise<FileHash> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    let crc = 0;
    let bytes = 0;
    const stream = file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk);
      crc = crc32(chunk, crc);
      bytes += chunk.length;
    }
    return { sha256: hash.digest('hex'), crc32: crc, bytes };
  } finally {
    await file.close();
  }
}

interface Waiting {
  count: number;
  resolve: (results: HashResult[]) => void;
  reject: (error: Error) => void;
}

/** Threads that hash lists of files. Whoever opens them closes them. */
export class HashThreads {
  readonly #threads: { worker: Worker; waiting: Waiting[]; load: number }[];

  constructor(threads = Math.min(4, availableParallelism())) {
    this.#threads = Array.from({ length: threads }, () => {
      const thread = { worker: startThread('src/archive/hash-thread', null), waiting: [] as Waiting[], load: 0 };
      thread.worker.on('message', (results: HashResult[]) => {
        const next = thread.waiting.shift();
        thread.load -= next?.count ?? 0;
        next?.resolve(results);
      });
      const fail = (error: Error): void => {
        for (const { reject } of thread.waiting.splice(0)) reject(error);
      };
      thread.worker.on('error', fail);
      thread.worker.on('exit', () => fail(new Error('a thread that reads files has ended')));
      return thread;
    });
  }

  /** How many lists may be under way so that no thread waits and memory stays bounded. */
  get width(): number {
    return this.#threads.length * 2;
  }

  /** Checksums in the order of the paths; a file that cannot be read gives its error. */
  hash(paths: readonly string[]): Promise<HashResult[]> {
    const [thread] = [...this.#threads].sort((a, b) => a.load - b.load);
    if (!thread) throw new Error('no thread');
    return new Promise((resolve, reject) => {
      thread.waiting.push({ count: paths.length, resolve, reject });
      thread.load += paths.length;
      thread.worker.postMessage(paths);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }
}
