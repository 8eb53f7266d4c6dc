import { orderUuid } from '../../orders/order-uuid.ts';
import { placeOrder } from '../../orders/place-order.ts';
import { statuses } from '../../domain/vocabulary.ts';
import { imagesOf, labelsOf, orderedOf } from '../../runs/archived-images.ts';
import { readArchive, readArchiveFiles } from '../../runs/read-runs.ts';
import type { Run } from '../../runs/run.ts';
import { insertRunOrder, setDestination, setStatus } from '../../runs/write-run.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { publishStatus } from '../publish.ts';

/**
 * Asks an importer for the archived images: destination, order, then the published status. The order's uuid follows
 * from the task, so a repeat finds the order that stands.
 */
export async function order(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const archive = await readArchive(ctx.runs, run.taskId);
  if (!archive || !run.job) return 'again';
  const files = await readArchiveFiles(ctx.runs, run.taskId);
  const destination = run.destination ?? (await makeDestination(ctx, run, step));
  const placed: { uuid: string; part: number }[] = [];
  // Labels are asked for by themselves, so that what is wrong with them does not hold the images up.
  // Bio-Formats reads only whole stores.
  const labels = ctx.config.importer.registerZarr ? labelsOf(archive.path, files) : [];
  for (const [at, images] of [imagesOf(archive.path, files), labels].entries()) {
    if (images.length === 0) continue;
    const part = at + 1;
    const uuid = orderUuid({ taskId: run.taskId, jobId: run.job.id, destination, part });
    await placeOrder(ctx.orders, {
      uuid,
      groupName: run.group.name,
      userName: run.user.name,
      destinationType: destination.type,
      destinationId: destination.id,
      files: images.map((i) => i.absolute),
      link: { taskId: run.taskId, runId: run.id, archivePath: archive.path, part, retryOf: null },
    });
    placed.push({ uuid, part });
  }
  await publishStatus(ctx, run, statuses.importing);
  await step.write(async (tx) => {
    for (const { uuid, part } of placed) await insertRunOrder(tx, run.id, { uuid, part, retryOf: null });
    await setStatus(tx, run.id, statuses.importing);
  });
  const ordered = orderedOf(archive.path, files, labels.length > 0);
  step.progress({
    filesDone: ordered.length,
    filesTotal: ordered.length,
    bytesDone: imagesOf(archive.path, files).reduce((sum, i) => sum + i.bytes, 0),
    detail: `Upload order ${placed.map((o) => o.uuid).join(', ')} for ${destination.type} ${destination.id}`,
  });
  return 'again';
}

/** Where the images will be uploaded to, without an order: the worker uploads them itself. */
export async function prepareUpload(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const { type, id } = run.destination ?? (await makeDestination(ctx, run, step));
  step.progress({ detail: `${type} ${id}` });
  return 'again';
}

/** The run's own dataset, in the user's name. Its name is unique to the run, so a repeat finds it. */
async function makeDestination(
  ctx: WorkerContext,
  run: Run,
  step: StepHandle,
): Promise<{ type: 'Dataset'; id: number; name: string }> {
  const of = run.input ? ` of ${run.input.name}` : '';
  const name = `${run.workflow}${of} (run ${run.id.slice(0, 8)})`;
  const id = await ctx.omero.as(run.user.name, run.group.name, async (session) => {
    const [there] = await session.findDatasetsByName(name);
    return (
      there?.id ??
      (await session.createDataset(name, `Images from SLURM job ${run.job?.id} (Workflow ${run.workflowId})`))
    );
  });
  await step.write((tx) => setDestination(tx, run.id, { type: 'Dataset', id, name }));
  return { type: 'Dataset', id, name };
}
