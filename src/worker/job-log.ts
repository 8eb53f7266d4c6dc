import type { Slurm } from '../slurm/slurm.ts';

const pieceBytes = 4 * 1024 * 1024;
/** A log beyond this is cut: its start and the sentence that says so are kept, and the job's folder has the rest. */
const maximumBytes = 256 * 1024 * 1024;

/** The job's whole log, or null when the job wrote none. */
export async function readWholeLog(slurm: Slurm, jobId: number, signal: AbortSignal): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    signal.throwIfAborted();
    const piece = await slurm.readLog(jobId, at, pieceBytes);
    if (!piece) return null;
    pieces.push(piece.bytes);
    at = piece.next;
    if (piece.bytes.length === 0 || at >= piece.size) return Buffer.concat(pieces);
    if (at >= maximumBytes) {
      pieces.push(Buffer.from(`\n[cut here: the log has ${piece.size} bytes, of which ${at} were kept]\n`));
      return Buffer.concat(pieces);
    }
  }
}
