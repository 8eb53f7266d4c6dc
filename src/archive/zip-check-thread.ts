/** Thread of `zip-follower.ts`: reads a zip behind the one that writes it. */
import { openSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ZipCheck, type Expected } from './zip-check.ts';

/** Bytes up to `to` are as they will stay, and hold these entries; `last`: there are no more. */
export interface FollowOrder {
  to: number;
  expected: Expected;
  last: boolean;
}

export interface FollowAnswer {
  sha256?: string;
  failure?: string;
}

// While results arrive, what receives them goes first; at the end the disk is waited for, and there is time. Only on Linux
// has a thread a priority of its own.
if (process.platform === 'linux') setPriority(0, 10);
const file = openSync((workerData as { path: string }).path, 'r');
const check = new ZipCheck();
/** Stays in the CPU's cache. */
const buffer = Buffer.allocUnsafeSlow(128 * 1024);
let at = 0;
let failed = false;

parentPort?.on('message', (order: FollowOrder) => {
  if (failed) return;
  try {
    check.expect(order.expected);
    while (at < order.to) {
      const read = readSync(file, buffer, 0, Math.min(buffer.length, order.to - at), at);
      if (read === 0) break;
      check.take(buffer.subarray(0, read));
      at += read;
    }
    if (order.last) parentPort?.postMessage({ sha256: check.finish(order.to) } satisfies FollowAnswer);
  } catch (error) {
    failed = true;
    parentPort?.postMessage({ failure: error instanceof Error ? error.message : String(error) } satisfies FollowAnswer);
  }
});
