import { collect } from './spawn-command.ts';
import type { Transport } from './transport.ts';

/** What a job's log has grown by. */
export interface LogTail {
  jobId: number;
  /** Size of the log. */
  size: number;
  /** Its last bytes after the offset asked for, at most `tailBytes`. */
  bytes: Buffer;
}

export const tailBytes = 4096;

/** Ids and offsets come in pairs as arguments. A log that became shorter was begun anew. */
const script = `
while [ $# -gt 1 ]; do
  f=omero-$1.log; from=$2
  if [ -f "$f" ]; then
    size=$(wc -c <"$f"); size=$((size))
    [ "$size" -ge "$from" ] || from=0
    if [ "$size" -gt "$from" ]; then
      [ $((size - from)) -le ${tailBytes} ] || from=$((size - ${tailBytes}))
      n=$((size - from))
      echo "$1 $size $n"
      tail -c "+$((from + 1))" "$f" | head -c "$n"
    fi
  fi
  shift 2
done
`;

/** The news of many logs with one command; logs without news, or none at all, are left out. */
export async function readLogTails(
  transport: Transport,
  jobs: readonly { jobId: number; from: number }[],
): Promise<LogTail[]> {
  const pairs = jobs.flatMap(({ jobId, from }) => [String(jobId), String(from)]);
  const { bytes } = await collect(transport.stream(['sh', '-c', script, 'sh', ...pairs], { timeoutMs: 60_000 }));
  const tails: LogTail[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    const [, id, size, length] = /^(\d+) (\d+) (\d+)$/.exec(bytes.toString('latin1', at, Math.max(end, at))) ?? [];
    // A log that shrank while it was read leaves the rest without its place.
    if (end < 0 || length === undefined) break;
    const next = end + 1 + Number(length);
    tails.push({ jobId: Number(id), size: Number(size), bytes: bytes.subarray(end + 1, next) });
    at = next;
  }
  return tails;
}

/** The last percentage that a log tells, in BIOMERO's form (`43%`); null when there is none. */
export function lastPercentage(text: string): string | null {
  const found = [...text.matchAll(/(?<![\d.])(\d{1,3})(?:\.\d+)?\s?%/g)].map((match) => Number(match[1]));
  const last = found.findLast((percent) => percent <= 100);
  return last === undefined ? null : `${last}%`;
}
