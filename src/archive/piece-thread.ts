/** Thread of `piece-pipe.ts`: writes pieces that lie in shared memory, in the order of its messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { PieceWriter, type PiecesDone, type PieceTarget } from './piece-writer.ts';

export type PieceOrder = { open: PieceTarget } | { piece: { at: number; length: number } } | { end: true };

export interface PieceAnswer {
  /** Where the piece lay that is written. */
  free?: number;
  done?: PiecesDone;
  failure?: { code: string | undefined; reason: string };
}

const memory = (workerData as { memory: SharedArrayBuffer }).memory;
let writer: PieceWriter | null = null;

parentPort?.on('message', (order: PieceOrder) => {
  parentPort?.postMessage(follow(order));
});

function follow(order: PieceOrder): PieceAnswer {
  try {
    if ('open' in order) {
      writer = new PieceWriter(order.open);
      return {};
    }
    if (!writer) return {};
    if ('end' in order) return { done: writer.end() };
    writer.write(Buffer.from(memory, order.piece.at, order.piece.length));
    return { free: order.piece.at };
  } catch (error) {
    // What still comes for this entry is not wanted any more.
    writer = null;
    const { code, message } = error as NodeJS.ErrnoException;
    return { failure: { code, reason: message } };
  }
}
