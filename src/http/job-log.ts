import { Readable } from 'node:stream';
import { openArchived } from '../archive/open-below.ts';
import { jobLogName } from '../domain/vocabulary.ts';
import type { Pool } from '../lib/database.ts';
import { findArchivedFile } from '../runs/archived-file.ts';
import { readArchive } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import type { Slurm } from '../slurm/slurm.ts';
import { whyNoLog } from './missing-log.ts';

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
 * from our own rows, never from the request.
 *
 * @throws LOG_NOT_THERE, LOG_GONE, LOG_NEVER_WRITTEN, ARCHIVED_FILE_REFUSED, JOB_LOG_UNREADABLE, CLUSTER_…
 */
export async function readLogPiece(pool: Pool, slurm: Slurm, run: Run, from: number): Promise<LogPiece> {
  const place = await placeOfLog(pool, run);
  if (place.root !== null) return await fromArchive(place.root, place.name, from);
  const piece = await slurm.readLog(place.jobId, from, pieceBytes);
  if (!piece) throw await whyNoLog(pool, run);
  const isEnd = piece.next >= piece.size;
  const { bytes, next } = wholeCharacters(piece.bytes, from, isEnd && place.jobEnded);
  const complete = isEnd && place.jobEnded && run.endedAt !== null;
  return { from, next, size: piece.size, text: bytes.toString('utf8'), complete };
}

/** The whole log of a run's job as a stream, from the same places. @throws as `readLogPiece` */
export async function openWholeLog(pool: Pool, slurm: Slurm, run: Run): Promise<ReadableStream<Uint8Array>> {
  const place = await placeOfLog(pool, run);
  if (place.root !== null) {
    const file = await openArchived(place.root, place.name);
    return Readable.toWeb(file.createReadStream()) as ReadableStream<Uint8Array>;
  }
  const first = await slurm.readLog(place.jobId, 0, pieceBytes);
  if (!first) throw await whyNoLog(pool, run);
  async function* pieces(piece: typeof first): AsyncGenerator<Buffer> {
    for (let now = piece; now && now.bytes.length > 0; now = await slurm.readLog(place.jobId, now.next, pieceBytes))
      yield now.bytes;
  }
  return Readable.toWeb(Readable.from(pieces(first), { objectMode: false })) as ReadableStream<Uint8Array>;
}

interface LogPlace {
  jobId: number;
  jobEnded: boolean;
  name: string;
  /** The archive that holds it; null: the cluster has it, or nobody. */
  root: string | null;
}

async function placeOfLog(pool: Pool, run: Run): Promise<LogPlace> {
  if (!run.job) throw await whyNoLog(pool, run);
  const name = jobLogName(run.job.id);
  const archive = await readArchive(pool, run.taskId);
  const root = archive?.kept ? archive.path : null;
  if (root !== null && !(await findArchivedFile(pool, run.taskId, name))) throw await whyNoLog(pool, run);
  return { jobId: run.job.id, jobEnded: run.job.endedAt !== null, name, root };
}

async function fromArchive(root: string, name: string, from: number): Promise<LogPiece> {
  const file = await openArchived(root, name);
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
