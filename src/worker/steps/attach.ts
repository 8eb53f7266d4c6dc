import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { jobLogName, resultsNamespace } from '../../domain/vocabulary.ts';
import type { LocalFile } from '../../omero/queries/files.ts';
import { imagesOf } from '../../runs/archived-images.ts';
import { readArchive, readArchiveFiles } from '../../runs/read-runs.ts';
import type { Run } from '../../runs/run.ts';
import { setAnnotated } from '../../runs/write-run.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { deliverResults } from '../deliver.ts';
import { annotateFound } from './annotate.ts';
import { imagesInOmero } from './import.ts';

/**
 * Notes the origin on every uploaded image and attaches zip, log and metadata to their destination, in the user's name.
 * What stands there already is left, so a repeat adds nothing.
 */
export async function attach(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const archive = await readArchive(ctx.runs, run.taskId);
  const { destination, job } = run;
  // Without images there may be nothing but what was asked beside them.
  if (!archive || !job || (!destination && !run.delivery)) return 'again';
  const listed = await readArchiveFiles(ctx.runs, run.taskId);
  const all = imagesOf(archive.path, listed);
  const images = run.delivery?.importImages === false ? [] : all;
  const found: Awaited<ReturnType<typeof imagesInOmero>> = images.length
    ? await imagesInOmero(ctx, run, images)
    : new Map();
  const targets = images.length ? await annotateFound(ctx, run, found, step.signal) : 0;
  const files = destination ? await attachments(ctx, run, job.id, archive.path) : [];
  if (destination) await attachAll(ctx, run, destination, files, step);
  await deliverResults(ctx, run, step, { folder: archive.path, files: listed, images: all, inOmero: found });
  await step.write((tx) => setAnnotated(tx, run.id));
  step.progress({
    filesDone: files.length,
    filesTotal: files.length,
    detail: `${files.length} files attached to ${destination ? `${destination.type} ${destination.id}` : 'no dataset'}; ${targets} images annotated`,
  });
  return 'again';
}

async function attachAll(
  ctx: WorkerContext,
  run: Run,
  { type, id }: NonNullable<Run['destination']>,
  files: readonly LocalFile[],
  step: StepHandle,
): Promise<void> {
  await ctx.omero.as(run.user.name, run.group.name, async (session) => {
    const there = await session.attachedFiles(type, [id]);
    for (const file of files) {
      step.signal.throwIfAborted();
      // By its name: a zip that was fetched a second time has other bytes. One without a checksum was never complete.
      if (there.some((f) => f.ns === file.ns && f.name === file.name && f.hash !== '')) continue;
      await session.attachFile({ type, id }, file);
    }
  });
}

/** The files to attach, with BIOMERO's names and descriptions. */
async function attachments(ctx: WorkerContext, run: Run, jobId: number, folder: string): Promise<LocalFile[]> {
  const of = `SLURM job ${jobId} (Workflow ${run.workflowId})`;
  const all: (Omit<LocalFile, 'path' | 'ns'> & { from: string })[] = [
    { from: jobLogName(jobId), name: jobLogName(jobId), mimetype: 'text/plain', description: `Log from ${of}` },
    {
      from: join(`${jobId}_out`, 'metadata.csv'),
      name: `metadata_${run.workflowId}.csv`,
      mimetype: 'text/csv',
      description: `Workflow metadata from ${of}`,
    },
  ];
  if (ctx.config.worker.attachZip)
    all.push({
      from: `${jobId}_out.zip`,
      name: `${jobId}_out.zip`,
      mimetype: 'application/zip',
      description: `Results from ${of}`,
    });
  const files: LocalFile[] = [];
  for (const { from, ...file } of all) {
    const path = join(folder, from);
    // A job that wrote no log has none.
    const missing = await access(path).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (!missing) files.push({ ...file, path, ns: resultsNamespace });
  }
  return files;
}
