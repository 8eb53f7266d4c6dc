import { bridgeError } from '../domain/errors.ts';
import { collect } from './spawn-command.ts';
import type { Transport } from './transport.ts';

export interface LogBytes {
  bytes: Buffer;
  /** Where the next piece starts. */
  next: number;
  /** Size of the file when it was read. */
  size: number;
}

const missing = 44;
/** One round trip for size and bytes. Path and numbers are the script's arguments, never part of its text. */
const script = `
[ -e "$1" ] || exit ${missing}
size=$(wc -c <"$1") || exit 1
echo $size
tail -c "+$2" <"$1" | head -c "$3"
`;

/** Bytes `from` … of a file on the cluster; null when there is no such file. @throws JOB_LOG_UNREADABLE */
export async function readLogBytes(
  transport: Transport,
  jobId: number,
  path: string,
  from: number,
  maxBytes: number,
): Promise<LogBytes | null> {
  for (const number of [from, maxBytes])
    if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`${number} is not a number of bytes`);
  const argv = ['sh', '-c', script, 'sh', path, String(from + 1), String(maxBytes)];
  const { bytes, stderr, code } = await collect(transport.stream(argv, { timeoutMs: 60_000 }));
  if (code === missing) return null;
  const end = bytes.indexOf(0x0a);
  const size = end < 0 ? '' : bytes.subarray(0, end).toString('latin1').trim();
  if (code !== 0 || !/^\d+$/.test(size)) {
    const reason = stderr.trim() || `its reader ended with ${code}`;
    throw bridgeError('JOB_LOG_UNREADABLE', { job: jobId, path, reason });
  }
  const piece = bytes.subarray(end + 1);
  // The file may have grown between the two looks at it.
  return { bytes: piece, next: from + piece.length, size: Math.max(Number(size), from + piece.length) };
}
