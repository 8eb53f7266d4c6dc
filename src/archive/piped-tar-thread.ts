/** Thread of `piped-tar.ts`: reads a tar stream from a named pipe, by calls that wait, and writes what the other side welcomes. */
import { openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { PieceWriter, type PiecesDone, type PieceTarget } from './piece-writer.ts';
import { PipedTarState } from './piped-tar-state.ts';
import { TarError, TarReader, type TarEntry } from './tar-reader.ts';
import { pays } from './zip-pack.ts';

/** `next` is asked for behind a body that was taken, or instead of one where an entry has none. */
export type TarOrder = { next: true } | { take: PieceTarget };

export interface TarAnswer {
  /** The pipe has a reader. */
  opened?: true;
  /** What comes next, and whether deflating it pays; null behind the end mark. */
  entry?: { entry: Omit<TarEntry, 'name'> & { name: Uint8Array }; pays: boolean } | null;
  /** Bytes of the entry that were written since the last word of it. */
  wrote?: number;
  done?: PiecesDone;
  /** Nothing is written any more. `stream`: what came is at fault, not where it goes. */
  failure?: { stream: boolean; code: string | undefined; reason: string };
}

/** Stays in the CPU's cache. */
const pieceBytes = 128 * 1024;
const progressMs = 200;

const { path, memory } = workerData as { path: string; memory: SharedArrayBuffer };
const state = new PipedTarState(memory);
const file = openSync(path, 'r');
const reader = new TarReader(pieces());
let first: Buffer = Buffer.alloc(0);

answer({ opened: true });
parentPort?.on('message', (order: TarOrder) => {
  void follow(order).then(answer);
});

function answer(message: TarAnswer): void {
  parentPort?.postMessage(message);
}

async function follow(order: TarOrder): Promise<TarAnswer> {
  try {
    return 'take' in order ? { done: await take(order.take) } : { entry: await next() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { failure: { stream: error instanceof TarError, code, reason: message } };
  }
}

async function next(): Promise<NonNullable<TarAnswer['entry']> | null> {
  const entry = await reader.next();
  if (!entry) return null;
  // It lies in the piece that is overwritten now.
  const name = Buffer.from(entry.name);
  first = entry.type === 'file' ? await reader.some() : Buffer.alloc(0);
  return { entry: { ...entry, name }, pays: pays(first) };
}

async function take(target: PieceTarget): Promise<PiecesDone> {
  const writer = new PieceWriter(target);
  let told = performance.now();
  let wrote = 0;
  for (let piece = first; piece.length > 0; piece = await reader.some()) {
    writer.write(piece);
    wrote += piece.length;
    if (performance.now() - told < progressMs) continue;
    answer({ wrote });
    told = performance.now();
    wrote = 0;
  }
  answer({ wrote });
  return writer.end();
}

/** Every piece lies where the one before did. */
async function* pieces(): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  for (;;) {
    let filled = 0;
    state.beginWait();
    while (filled < pieceBytes) {
      const read = readPipe(buffer, filled);
      state.pieceCame();
      if (read === 0) break;
      filled += read;
    }
    state.endWait();
    if (filled === 0) return;
    yield buffer.subarray(0, filled);
  }
}

function readPipe(buffer: Buffer, from: number): number {
  let read: number;
  try {
    read = readSync(file, buffer, from, buffer.length - from, null);
  } catch (error) {
    throw new TarError(`the stream cannot be read: ${(error as Error).message}`);
  }
  if (state.stopped) throw new TarError('the stream was given up');
  return read;
}
