/** Unpacks batches of entries on a thread of its own; one message in, one message out, failures as plain values. */
import { openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { EntryWriteError, unpackEntries, type PlannedEntry } from './unpack-entries.ts';

export interface UnpackAnswer {
  hashes?: string[];
  failure?: UnpackFailure;
}

export type UnpackFailure =
  | { kind: 'zip'; reason: string }
  | { kind: 'write'; path: string; bytes: number; code: string | undefined; reason: string };

const { file, root } = workerData as { file: string; root: string };
const zip = openSync(file, 'r');

parentPort?.on('message', (entries: PlannedEntry[]) => {
  unpackEntries(zip, root, entries).then(
    (hashes) => parentPort?.postMessage({ hashes } satisfies UnpackAnswer),
    (error: unknown) => parentPort?.postMessage({ failure: failureOf(error) } satisfies UnpackAnswer),
  );
});

function failureOf(error: unknown): UnpackFailure {
  const reason = error instanceof Error ? error.message : String(error);
  // Reading the zip can fail for the storage's reasons too.
  if (error instanceof Error && 'syscall' in error)
    return { kind: 'write', path: '', bytes: 0, code: (error as NodeJS.ErrnoException).code, reason };
  if (!(error instanceof EntryWriteError)) return { kind: 'zip', reason };
  const cause = error.cause as NodeJS.ErrnoException;
  return { kind: 'write', path: error.path, bytes: error.bytes, code: cause.code, reason: cause.message };
}
