/**
 * Writes a batch of small files on a thread of its own: each is hashed, written by calls that wait (several times faster
 * than a queue of them) and packed for the zip. One message in, one out, failures as plain values.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, futimesSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { packSmall, Sampler, type PackedEntry } from './zip-pack.ts';

export interface Batch {
  /** Folder that the paths are below. */
  root: string;
  data: ArrayBuffer;
  files: { path: string; zipName: string; at: number; bytes: number; mtime: number }[];
}

export interface BatchAnswer {
  done?: { hashes: string[]; entries: PackedEntry[]; zip: ArrayBuffer };
  failure?: { path: string; bytes: number; code: string | undefined; reason: string };
}

const sampler = new Sampler();

parentPort?.on('message', (batch: Batch) => {
  const answer = take(batch);
  parentPort?.postMessage(answer, answer.done ? [answer.done.zip] : []);
});

function take(batch: Batch): BatchAnswer {
  const hashes: string[] = [];
  const entries: PackedEntry[] = [];
  const parts: Buffer[] = [];
  let at = 0;
  for (const file of batch.files) {
    const data = Buffer.from(batch.data, file.at, file.bytes);
    try {
      write(join(batch.root, file.path), data, file.mtime);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { failure: { path: file.path, bytes: file.bytes, code, reason: message } };
    }
    hashes.push(createHash('sha256').update(data).digest('hex'));
    const { entry, header, packed } = packSmall(file.zipName, data, crc32(data), file.mtime, at, sampler.worth);
    entries.push(entry);
    parts.push(header, packed);
    at += header.length + packed.length;
  }
  const zip = new ArrayBuffer(at);
  const whole = Buffer.from(zip);
  let to = 0;
  for (const part of parts) to += part.copy(whole, to);
  return { done: { hashes, entries, zip } };
}

function write(path: string, data: Buffer, mtime: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = openSync(path, flags, 0o666);
  try {
    for (let done = 0; done < data.length;) done += writeSync(file, data, done);
    const time = Math.min(Math.max(mtime || 0, 0), 0xffffffff);
    try {
      futimesSync(file, time, time);
    } catch (error) {
      // Storages that refuse a file's time (some SMB shares) keep their own.
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(code)) throw error;
    }
  } finally {
    closeSync(file);
  }
}
