import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Pool } from '../lib/database.ts';
import { readArchive } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import type { Slurm } from '../slurm/slurm.ts';

export interface LogPiece {
  /** Bytes of the log before this piece. */
  from: number;
  next: number;
  size: number;
  text: string;
  /** True when the log cannot grow any more. */
  complete: boolean;
}

const pieceBytes = 256 * 1024;

/**
 * A piece of a run's job log by byte offset: from the archive once it stands, from the cluster before. The path comes
 * from our own rows, never from the request. Null while there is no log.
 */
export async function readLogPiece(pool: Pool, slurm: Slurm, run: Run, from: number): Promise<LogPiece | null> {
  if (!run.job) return null;
  const archive = await readArchive(pool, run.taskId);
  if (archive?.kept) return await fromArchive(join(archive.path, `omero-${run.job.id}.log`), from);
  const piece = await slurm.readLog(run.job.id, from, pieceBytes);
  if (!piece) return null;
  const { bytes, next } = wholeCharacters(piece.bytes, from, piece.next >= piece.size && run.job.endedAt !== null);
  return { from, next, size: piece.size, text: bytes.toString('utf8'), complete: false };
}

/** The whole log of a run's job as a stream, from the same places; null while there is none. */
export async function openWholeLog(pool: Pool, slurm: Slurm, run: Run): Promise<ReadableStream<Uint8Array> | null> {
  if (!run.job) return null;
  const jobId = run.job.id;
  const archive = await readArchive(pool, run.taskId);
  if (archive?.kept) {
    const file = await openLog(join(archive.path, `omero-${jobId}.log`));
    return file && (Readable.toWeb(file.createReadStream()) as ReadableStream<Uint8Array>);
  }
  const first = await slurm.readLog(jobId, 0, pieceBytes);
  if (!first) return null;
  async function* pieces(piece: typeof first): AsyncGenerator<Buffer> {
    for (let now = piece; now && now.bytes.length > 0; now = await slurm.readLog(jobId, now.next, pieceBytes))
      yield now.bytes;
  }
  return Readable.toWeb(Readable.from(pieces(first), { objectMode: false })) as ReadableStream<Uint8Array>;
}

async function openLog(path: string): Promise<FileHandle | null> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

async function fromArchive(path: string, from: number): Promise<LogPiece | null> {
  const file = await openLog(path);
  if (!file) return null;
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.max(0, Math.min(pieceBytes, size - from)));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    const piece = wholeCharacters(buffer.subarray(0, bytesRead), from, from + bytesRead >= size);
    return { from, next: piece.next, size, text: piece.bytes.toString('utf8'), complete: piece.next >= size };
  } finally {
    await file.close();
  }
}

/** Cuts a piece before a character that it holds only a part of, so that the next piece starts with it. */
export function wholeCharacters(bytes: Buffer, from: number, isEnd: boolean): { bytes: Buffer; next: number } {
  let end = bytes.length;
  if (!isEnd) {
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back] ?? 0;
      if ((byte & 0xc0) === 0x80) continue;
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      if (length > back) end = bytes.length - back;
      break;
    }
  }
  return { bytes: bytes.subarray(0, end), next: from + end };
}
