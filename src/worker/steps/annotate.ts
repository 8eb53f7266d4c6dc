import { imagesOf, orderedOf } from '../../runs/archived-images.ts';
import { readArchive, readArchiveFiles, readRunOrders } from '../../runs/read-runs.ts';
import { askForLabels } from '../../runs/run-orders.ts';
import type { Run } from '../../runs/run.ts';
import { setAnnotated } from '../../runs/write-run.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { deliverResults } from '../deliver.ts';
import { annotationsOf } from '../metadata.ts';
import { imagesInOmero } from './import.ts';

/**
 * Notes the origin on every imported image, in the user's name. Targets that already carry an annotation are skipped,
 * so a repeat adds none.
 */
export async function annotate(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const archive = await readArchive(ctx.runs, run.taskId);
  if (!archive) return 'again';
  const labels = await askForLabels(ctx.orders, await readRunOrders(ctx.runs, run.id));
  const files = await readArchiveFiles(ctx.runs, run.taskId);
  const images = run.delivery?.importImages === false ? [] : orderedOf(archive.path, files, labels);
  const found = await imagesInOmero(ctx, run, images);
  const targets = await annotateFound(ctx, run, found, step.signal);
  await deliverResults(ctx, run, step, {
    folder: archive.path,
    files,
    images: imagesOf(archive.path, files),
    inOmero: found,
  });
  await step.write((tx) => setAnnotated(tx, run.id));
  step.progress({
    filesDone: targets,
    filesTotal: targets,
    detail: `${annotationsOf(run, []).length} map annotations on each`,
  });
  return 'again';
}

/** Annotates images and plates that were found in OMERO; resolves with their number. */
export async function annotateFound(
  ctx: WorkerContext,
  run: Run,
  inOmero: Awaited<ReturnType<typeof imagesInOmero>>,
  signal: AbortSignal,
): Promise<number> {
  const found = [...inOmero.values()];
  const targets =
    run.destination?.type === 'Screen'
      ? found.flatMap((f) => f.plateIds).map((id) => ({ type: 'Plate' as const, id }))
      : found.flatMap((f) => f.imageIds).map((id) => ({ type: 'Image' as const, id }));
  const annotations = annotationsOf(run, await ctx.tracker.resultsOf(run.workflowTaskId));
  await ctx.omero.as(run.user.name, run.group.name, async (session) => {
    for (const a of annotations) {
      signal.throwIfAborted();
      await session.annotate(targets, a.namespace, a.pairs, { key: a.key });
    }
  });
  return targets.length;
}
