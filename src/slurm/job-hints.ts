import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { describeError } from '../domain/errors.ts';
import { quoteForShell } from './quote.ts';
import type { Transport } from './transport.ts';

/** Below the data folder, which every job can write: lines with the ids of jobs that ended. */
export const hintFileName = '.biomero-bridge-ended';

/** Follows the file until its input ends, as it does when the connection breaks; a large one is begun anew. */
const script = `
umask 077
case $1 in */*) mkdir -p -- "\${1%/*}" || exit 1;; esac
: >>"$1" || exit 1
[ "$(wc -c <"$1")" -lt 1048576 ] || : >"$1"
tail -n 0 -F -- "$1" 2>/dev/null & tail=$!
trap 'kill "$tail" 2>/dev/null' EXIT
echo following
cat >/dev/null
`;
const shortestPauseMs = 1_000;
const longestPauseMs = 60_000;

export interface HintOptions {
  /** The file, absolute or below the account's home. */
  path: string;
  /** A job's id; null when a connection came or went: something may have been missed. */
  onHint(jobId: number | null): void;
  signal: AbortSignal;
  log: Logger;
}

/**
 * Follows the file that ended jobs write a line to, over one held command, until the signal aborts. Lines are hints to
 * look now and nothing else: anybody with the account can write them, and any may be missing.
 */
export async function followHints(transport: Transport, options: HintOptions): Promise<void> {
  const { signal, log } = options;
  for (let pause = shortestPauseMs; !signal.aborted; pause = Math.min(longestPauseMs, pause * 2)) {
    const began = Date.now();
    try {
      await followOnce(transport, options);
    } catch (error) {
      if (signal.aborted) return;
      log.debug({ error: describeError(error) }, 'ends of jobs are not told at once; looking at them goes on');
      // The first to notice a lost connection: a look now tells whether it is more than that.
      options.onHint(null);
    }
    if (Date.now() - began > longestPauseMs) pause = shortestPauseMs;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}

async function followOnce(transport: Transport, { path, onHint, signal }: HintOptions): Promise<void> {
  // Held open: its end tells the far side that nobody listens any more.
  const stdin = new PassThrough();
  const far = transport.stream(['sh', '-c', script, 'sh', path], { stdin, signal });
  far.finished.catch(() => undefined);
  try {
    const lines = createInterface({ input: far.stdout });
    // A stream that was destroyed has no end, which readline would wait for.
    far.stdout.once('close', () => lines.close());
    for await (const line of lines) {
      if (line === 'following') onHint(null);
      else if (/^\d{1,15}$/.test(line)) onHint(Number(line));
    }
    await far.finished;
  } finally {
    stdin.end();
    far.kill();
  }
}

/** Options that a job waiting for another one needs as much as that one, to be let in at all. */
const admission = ['partition', 'account', 'qos', 'reservation', 'clusters', 'constraint'];

/** `sbatch` for a tiny job that writes the hint once the other has ended, however it did. */
export function hintJobArguments(jobId: number, path: string, submitted: readonly string[]): string[] {
  const shared = submitted.filter((word) => admission.some((name) => word.startsWith(`--${name}=`)));
  return [
    ...['sbatch', '--parsable', `--job-name=ended-${jobId}`, `--dependency=afterany:${jobId}`],
    ...['--kill-on-invalid-dep=yes', '--output=/dev/null', '--time=2', '--mem=10', '--ntasks=1', '--export=NONE'],
    ...shared,
    `--wrap=echo ${jobId} >>${quoteForShell([path])}`,
  ];
}
