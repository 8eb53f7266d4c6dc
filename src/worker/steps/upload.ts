import { basename } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';
import { statuses } from '../../domain/vocabulary.ts';
import { checkDestination } from '../../importer/destination.ts';
import { clashingNames, locateFiles, type FoundFiles } from '../../importer/found-files.ts';
import { checkEnd, importMissing } from '../../importer/import-process.ts';
import { failedFile, mergeFound } from '../../importer/outcome.ts';
import { endPredecessor } from '../../importer/predecessor.ts';
import { runImport } from '../../omero/agent/run-import.ts';
import type { OmeroSession } from '../../omero/session.ts';
import type { FileResult } from '../../orders/file-results.ts';
import { imagesOf } from '../../runs/archived-images.ts';
import { readArchive, readArchiveFiles } from '../../runs/read-runs.ts';
import type { Run } from '../../runs/run.ts';
import { setImagesConfirmed, setStatus } from '../../runs/write-run.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { publishStatus } from '../publish.ts';
import { UploadJournal } from '../upload-journal.ts';

/** How long an upload that a dead worker left running inside OMERO gets to end, once its session is closed. */
const unfinishedWaitMs = 60_000;

/**
 * Uploads the fetched images to OMERO in the user's name, in one import process. What an earlier attempt left is ended
 * first, then OMERO is asked what is there: only what is missing is uploaded, and `IMPORTED` is said of images that OMERO
 * has.
 *
 * @throws UPLOAD_FAILED, DESTINATION_…, IMPORT_PROCESS_FAILED, IMPORT_STALLED, …
 */
export async function upload(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const archive = await readArchive(ctx.runs, run.taskId);
  if (!archive || !run.destination) return 'again';
  const images = imagesOf(archive.path, await readArchiveFiles(ctx.runs, run.taskId));
  const paths = images.map((image) => image.absolute);
  const journal = new UploadJournal(run.taskId, step);
  await journal.begin(paths);
  step.progress({ filesTotal: images.length });

  await publishStatus(ctx, run, statuses.importing);
  await step.write((tx) => setStatus(tx, run.id, statuses.importing));
  const admin = await ctx.omero.admin();
  const ending = { waitMs: unfinishedWaitMs, signal: step.signal };
  await endPredecessor({ pool: ctx.runs, log: step.log }, journal, admin, paths, ending);
  const session = await admin.sudo(run.user.name, run.group.name);
  let results: FileResult[];
  try {
    results = await uploadMissing(ctx, run, run.destination, { paths, journal, session, step });
  } finally {
    await session.close();
  }
  const failed = results.filter((result) => result.state === 'failed');
  if (failed.length) throw uploadFailed(results.length, failed);
  await publishStatus(ctx, run, statuses.imported);
  await step.write(async (tx) => {
    await setImagesConfirmed(tx, run.id);
    await setStatus(tx, run.id, statuses.imported);
  });
  step.progress({
    filesDone: images.length,
    filesTotal: images.length,
    bytesDone: images.reduce((sum, image) => sum + image.bytes, 0),
    detail: `${run.destination.type} ${run.destination.id}`,
  });
  return 'again';
}

async function uploadMissing(
  ctx: WorkerContext,
  run: Run,
  destination: NonNullable<Run['destination']>,
  o: { paths: readonly string[]; journal: UploadJournal; session: OmeroSession; step: StepHandle },
): Promise<FileResult[]> {
  const { paths, journal, session, step } = o;
  await checkDestination(session, { destination, user: run.user.name, group: run.group.name });
  const clashes = clashingNames(paths);
  const asked = paths.filter((path) => !clashes.has(path));
  const locate = async (): Promise<FoundFiles> =>
    locateFiles(destination, asked, await session.filesetsByClientPath(asked));
  let found = await locate();
  let errors: { file: string; reason: string }[] = [];
  const missing = asked.filter((path) => !found.there.has(path) && !found.misplaced.has(path));
  if (missing.length) {
    const parts = { config: ctx.config, log: step.log, importFiles: runImport, transfer: 'upload' as const };
    const order = { uuid: run.taskId, destination };
    const outcome = await importMissing(parts, journal, session, order, missing, step.signal);
    await journal.sessionEnded();
    found = await locate();
    ({ errors } = outcome);
    const explained = new Set(errors.map((error) => error.file));
    const silent = missing.filter((p) => !found.there.has(p) && !found.misplaced.has(p) && !explained.has(p));
    checkEnd(outcome, silent, missing.length);
  }
  const results = [
    ...mergeFound(asked, found, errors, new Set()),
    ...[...clashes].map(([path, reason]) => failedFile(path, reason)),
  ];
  await journal.results(results);
  return results;
}

function uploadFailed(total: number, failed: readonly FileResult[]): Error {
  const reasons = failed.slice(0, 3).map((r) => `${basename(r.path)}: ${r.error ?? 'no reason given'}`);
  return bridgeError('UPLOAD_FAILED', { failed: failed.length, total, reasons: reasons.join('; ') });
}
