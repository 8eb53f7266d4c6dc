/**
 * Builds the archive of one import task: everything in a staging folder beside its final name, checked, made durable,
 * then renamed. Nothing under a final name is ever incomplete; whatever goes wrong leaves a staging folder, which the
 * next attempt of the same task begins anew, but for a zip that was being fetched; an archive that stands already is taken as it is.
 */
import { createHash } from 'node:crypto';
import { chmod, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import type { TransferSettings } from '../config/config.ts';
import { bridgeError, isBridgeError } from '../domain/errors.ts';
import type { Transport } from '../slurm/transport.ts';
import { applyModes, setMode, type ArchiveModes } from '../storage/modes.ts';
import { showName } from './entry-name.ts';
import { jobLogName } from '../domain/vocabulary.ts';
import { imagesAmong, kindOf, type FileKind } from './image-selection.ts';
import { zipLeavings } from './far-zip.ts';
import { Landing } from './landing.ts';
import { archivePlace, type ArchivePlace } from './layout.ts';
import { manifestName, readManifest, writeManifest } from './manifest.ts';
import { metadataCsv } from './metadata-csv.ts';
import { belongsToTask, provenanceName, writeProvenance, type Provenance } from './provenance.ts';
import { beginStaging, ignoreRefusal, moveIntoPlace } from './staging.ts';
import { storageError } from './storage-error.ts';
import { syncTree } from './sync.ts';
import { transferResults, type StagedFile, type TransferProgress } from './transfer.ts';
import { TreeWriter } from './tree-writer.ts';
import { verifyArchive } from './verify.ts';
import { walkFiles } from './walk.ts';

export interface Archive {
  path: string;
  /** Every file but the manifest, sorted. */
  files: { path: string; bytes: number; sha256: string; kind: FileKind }[];
  bytes: number;
  manifestSha256: string;
  /** Absolute paths to order; a `.zarr` is one. */
  images: string[];
}

export interface ArchiveOptions {
  transport: Transport;
  /** The job's data folder on the cluster, absolute or relative to the home there. */
  dataPath: string;
  jobId: number;
  /** The group folder. */
  basePath: string;
  workflowId: string;
  taskId: string;
  stamp: string;
  /** How results come from the cluster. */
  settings?: TransferSettings;
  jobLog: Buffer | null;
  /** Permissions of the archive; null: as the umask and the folder above give them. */
  modes?: ArchiveModes | null;
  metadata: [string, string][];
  provenance: Provenance;
  onProgress?: (progress: TransferProgress) => void;
  graceMs?: number;
  idleMs?: number;
  retryMs?: number;
  ownThread?: boolean;
  /** The calls by which the archive gets its name; the file system's own when absent. */
  landing?: Landing;
  signal: AbortSignal;
  log: Logger;
}

/**
 * Archives the results of a job that has ended. Idempotent per task: finds its own finished archive, begins its own
 * staging anew. Throws errors of the registry, ARCHIVE_…, TRANSFER_INCOMPLETE, RESULTS_MISSING, STORAGE_….
 */
export async function archiveResults(o: ArchiveOptions): Promise<Archive> {
  if (!Number.isSafeInteger(o.jobId) || o.jobId <= 0)
    throw bridgeError('ARCHIVE_ID_INVALID', { what: 'job', value: o.jobId });
  const place = archivePlace(o.basePath, o.workflowId, o.taskId, o.stamp);
  try {
    const landing = o.landing ?? new Landing();
    const finished = await findFinished(place, o.taskId, landing);
    if (finished) {
      await rm(place.staging, { recursive: true, force: true });
      return finished;
    }
    const mode = await beginStaging(place, landing, o.settings?.way === 'zip' ? zipLeavings(o.jobId) : []);
    const { files, manifestSha256 } = await fill(o, place);
    await checkStaging(place.staging, files);
    if (o.modes) await applyModes(place.staging, o.modes, o.signal);
    await chmod(place.staging, o.modes?.folder ?? mode).catch(ignoreRefusal);
    for (const folder of [dirname(place.parent), place.parent]) await setMode(folder, o.modes?.folder ?? null);
    await syncTree(place.staging, o.signal);
    o.signal.throwIfAborted();
    await moveIntoPlace(place, manifestSha256, o.taskId, landing);
    o.log.info({ archive: place.final, files: files.length }, 'archive complete');
    return describeArchive(place.final, files, manifestSha256);
  } catch (error) {
    o.signal.throwIfAborted();
    throw isBridgeError(error) ? error : await storageError(error, place.staging);
  }
}

/** This task's archive under its final name; null when the name is free. */
async function findFinished(place: ArchivePlace, taskId: string, landing: Landing): Promise<Archive | null> {
  if ((await landing.kindOf(place.final)) === null) return null;
  const provenance = await readFile(join(place.final, provenanceName), 'utf8').catch(() => '');
  if (!belongsToTask(provenance, taskId)) throw bridgeError('ARCHIVE_NAME_TAKEN', { path: place.final, task: taskId });
  // Seldom needed, after a crash at the worst moment: then everything is read again.
  const { ok, problems } = await verifyArchive(place.final);
  if (!ok) throw bridgeError('ARCHIVE_DAMAGED', { path: place.final, problems: problems.slice(0, 5).join('; ') });
  const manifest = await readFile(join(place.final, manifestName));
  const sizes = new Map<string, number>();
  for await (const file of walkFiles(place.final)) sizes.set(file.path, file.bytes);
  return describeArchive(
    place.final,
    readManifest(manifest.toString()).map((line) => ({ ...line, bytes: sizes.get(line.path) ?? 0 })),
    sha256Of(manifest),
  );
}

async function fill(o: ArchiveOptions, place: ArchivePlace): Promise<{ files: StagedFile[]; manifestSha256: string }> {
  const files = await transferResults({ ...o, staging: place.staging });
  const writer = new TreeWriter(place.staging, place.staging);
  const add = async (path: string, content: Buffer): Promise<void> => {
    // The transfer has made this folder through a writer of its own.
    const into = path.includes('/') ? new TreeWriter(join(place.staging, dirname(path)), place.staging) : writer;
    await into.write(path.slice(path.lastIndexOf('/') + 1), content);
    files.push({ path, bytes: content.length, sha256: sha256Of(content) });
  };
  await add(`${o.jobId}_out/metadata.csv`, Buffer.from(metadataCsv(o.metadata)));
  if (o.jobLog) await add(jobLogName(o.jobId), o.jobLog);
  await add(provenanceName, Buffer.from(writeProvenance({ ...o.provenance, taskId: o.taskId }, files, new Date())));
  const manifest = writeManifest(files);
  await writer.write(manifestName, manifest);
  return { files, manifestSha256: sha256Of(manifest) };
}

function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** What lies in the staging folder must be exactly what was written: a share may fold or change names silently. */
async function checkStaging(staging: string, files: readonly StagedFile[]): Promise<void> {
  const expected = new Map(files.map((file) => [file.path, file.bytes]));
  const wrong = (reason: string): Error => bridgeError('STORAGE_CHANGES_NAMES', { path: staging, reason });
  for await (const file of walkFiles(staging)) {
    if (file.path === manifestName) continue;
    const bytes = expected.get(file.path);
    if (bytes === undefined) throw wrong(`"${showName(file.path)}" is there and was not written under this name`);
    if (!file.regular || bytes !== file.bytes)
      throw wrong(`"${showName(file.path)}" has ${file.bytes} bytes instead of ${bytes}`);
    expected.delete(file.path);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw wrong(`"${showName(missing)}" is not there under this name`);
}

function describeArchive(path: string, staged: readonly StagedFile[], manifestSha256: string): Archive {
  const files = staged.map((file) => ({ ...file, kind: kindOf(file.path) })).sort((a, b) => (a.path < b.path ? -1 : 1));
  const resultsOf = (file: string): string | null => /^[^/]+_out\/data\/out\//.exec(file)?.[0] ?? null;
  const results = files.map((f) => f.path).filter((f) => resultsOf(f) !== null);
  const root = resultsOf(results[0] ?? '') ?? '';
  return {
    path,
    files,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    manifestSha256,
    images: imagesAmong(results.map((f) => f.slice(root.length))).map((image) => join(path, root + image)),
  };
}
