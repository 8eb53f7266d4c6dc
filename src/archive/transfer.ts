/**
 * Brings a job's results from the cluster: a list, then the results in one of three ways, then the list again. Anything
 * that is not exactly as listed is an error; `data/out` there is never changed, and nothing outside the staging folder is
 * touched here.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { TransferSettings } from '../config/config.ts';
import { bridgeError, describeError } from '../domain/errors.ts';
import { InFlight } from '../lib/in-flight.ts';
import type { Transport } from '../slurm/transport.ts';
import { compareChecksums } from './far-checksums.ts';
import { firstNames, incomplete, resultsFolder, type FarFolder, type FarList } from './far-folder.ts';
import { differenceFrom, listResults, lookAtResults, missingFrom, readJobManifest, type FarLook } from './far-list.ts';
import { EarlySync } from './early-sync.ts';
import type { FarTools } from './far-tools.ts';
import { LocalSource, sharedFolder } from './local-source.ts';
import { Reception } from './reception.ts';
import { requireSpace, storageError } from './storage-error.ts';
import { receiveTar } from './tar-stream.ts';
import { zipThere } from './zip-there.ts';
import { ZipWriter } from './zip-writer.ts';

/** A file of the archive, with its path below the archive. */
export interface StagedFile {
  path: string;
  bytes: number;
  sha256: string;
}

export interface TransferProgress {
  files: number;
  filesTotal: number;
  bytes: number;
  bytesTotal: number;
}

export interface TransferOptions {
  transport: Transport;
  dataPath: string;
  jobId: number;
  /** Folder that receives `<job>_out/` and `<job>_out.zip`; empty, and ours alone. */
  staging: string;
  /** How the site's results come home; absent: one tar stream, as it is. */
  settings?: TransferSettings;
  onProgress?: (progress: TransferProgress) => void;
  /** How long results that cannot be seen yet are looked for: network file systems show them late. */
  graceMs?: number;
  /** A stream that brings nothing for so long is given up. */
  idleMs?: number;
  /** Between a break and going on; doubled from a second when absent. */
  retryMs?: number;
  /** Whether a stream is read on a thread of its own; absent: where it is worth one. */
  ownThread?: boolean;
  signal: AbortSignal;
  log: Logger;
}

/** From so many bytes on they are sent to the disk while the zip is still being read; the archive's own sync has less to do. */
const worthSyncing = 64 * 1024 * 1024;

/** Returns every file below the staging folder, the zip last. Throws TRANSFER_INCOMPLETE, ARCHIVE_ENTRY_REFUSED, … */
export async function transferResults(o: TransferOptions): Promise<StagedFile[]> {
  const folder = resultsFolder(o.transport, o.dataPath, o.jobId, o.settings?.limits?.entries);
  const { list, look } = await awaitResults(folder, o.graceMs ?? 30_000, o.signal);
  const { tools } = look;
  requireLimits(o, folder, list);
  // Tree and zip, and a tenth for the zip's directory and half-filled blocks.
  await requireSpace(o.staging, Math.ceil(list.bytes * 2.1), list.files.size + list.folders.size + 10);
  const unchanged = async (): Promise<void> => {
    const difference = await differenceFrom(list, folder, look, o.signal);
    if (difference !== null) throw incomplete(folder, `results were still being written: ${difference}`);
  };
  let files: StagedFile[];
  if (o.settings?.way === 'zip') {
    files = await zipThere(o, folder, tools, list);
    await unchanged();
  } else files = await zipHere(o, folder, tools, list, unchanged);
  if (o.settings?.checksums === 'sha256') {
    if (!tools.sha256sum) throw incomplete(folder, 'checksums of the cluster are asked for, and it has no sha256sum');
    const root = `${o.jobId}_out/data/out/`;
    const results = files.filter((file) => file.path.startsWith(root));
    const hashes = new Map(results.map((file) => [file.path.slice(root.length), file.sha256]));
    await compareChecksums(folder, hashes, o.signal);
  }
  return files;
}

/** The results as files and as a zip of our own, in one pass; `unchanged` is asked once everything has come. */
async function zipHere(
  o: TransferOptions,
  folder: FarFolder,
  tools: FarTools,
  list: FarList,
  unchanged: () => Promise<void>,
): Promise<StagedFile[]> {
  const way = o.settings?.way ?? 'stream';
  const shared = way === 'auto' || way === 'shared' ? await sharedFolder(folder, list, o.signal) : null;
  if (way === 'shared' && shared === null)
    throw bridgeError('TRANSFER_NOT_SHARED', { cluster: o.transport.name, folder: folder.path });
  const zipName = `${o.jobId}_out.zip`;
  const zipPath = join(o.staging, zipName);
  const zip = await ZipWriter.create(zipPath).catch(async (error: unknown) => {
    throw await storageError(error, zipPath, list.bytes);
  });
  const early = new EarlySync(o.staging, o.signal);
  const onProgress = (progress: TransferProgress): void => {
    early.arrived(progress.bytes);
    o.onProgress?.(progress);
  };
  let bytes: number;
  let files: StagedFile[];
  try {
    const reception = new Reception({ ...o, onProgress }, folder, list, zip);
    await reception.begin();
    if (shared === null) await receiveTar(o, folder, tools, list, reception);
    else await receiveShared(shared, folder, list, reception);
    files = await reception.complete();
    bytes = await zip.finish();
  } catch (error) {
    await zip.abandon();
    await early.settle();
    o.signal.throwIfAborted();
    throw await storageError(error, zipPath, list.bytes * 2);
  }
  // These wait for different things: the processor, the disk and the cluster.
  const ends = new InFlight(3);
  let sha256 = '';
  await ends.add(async () => {
    sha256 = await zip.readBack().catch((error: unknown) => {
      throw bridgeError('STORAGE_FAILED', { path: zipPath, reason: describeError(error) }, { cause: error });
    });
  });
  if (list.bytes >= worthSyncing) await ends.add(() => early.finish());
  await ends.add(unchanged);
  await ends.settle();
  return [...files, { path: zipName, bytes, sha256 }];
}

async function receiveShared(path: string, folder: FarFolder, list: FarList, reception: Reception): Promise<void> {
  const source = new LocalSource(path, folder, list);
  try {
    await reception.receive(source);
  } finally {
    await source.close();
  }
}

function requireLimits(o: TransferOptions, folder: FarFolder, list: FarList): void {
  const limits = o.settings?.limits;
  if (!limits) return;
  const tooMuch = (reason: string): Error =>
    bridgeError('ARCHIVE_LIMIT', { file: `${folder.path} on the cluster`, entry: 'data/out', reason });
  const entries = list.files.size + list.folders.size;
  if (entries > limits.entries) throw tooMuch(`it has ${entries} entries, more than ${limits.entries}`);
  if (list.bytes > limits.bytes) throw tooMuch(`it has ${list.bytes} bytes, more than ${limits.bytes}`);
}

async function awaitResults(
  folder: FarFolder,
  graceMs: number,
  signal: AbortSignal,
): Promise<{ list: FarList; look: FarLook }> {
  for (let waited = 0, pause = 1000; ; pause *= 2) {
    const look = await lookAtResults(folder, signal);
    const list = await listResults(folder, look, signal);
    const manifest = list ? await readJobManifest(folder, look, signal) : null;
    const missing = list && manifest ? missingFrom(list, manifest) : [];
    if (list && list.files.size > 0 && missing.length === 0) return { list, look };
    if (waited >= graceMs) {
      if (missing.length > 0)
        throw incomplete(
          folder,
          `${missing.length} files that the job says it wrote are not there in that size, first ${firstNames(missing)}`,
        );
      const reason = list ? 'holds no file' : 'is not there';
      throw bridgeError('RESULTS_MISSING', { job: folder.jobId, folder: folder.path, reason });
    }
    pause = Math.min(pause, graceMs - waited);
    await sleep(pause, undefined, { signal });
    waited += pause;
  }
}
