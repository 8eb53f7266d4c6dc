import { bridgeError } from '../../domain/errors.ts';
import { stages, statuses } from '../../domain/vocabulary.ts';
import { clientPathOf } from '../../omero/client-path.ts';
import { fileResults } from '../../orders/file-results.ts';
import type { OrderState } from '../../orders/read-order.ts';
import { orderedOf, type ArchivedImage } from '../../runs/archived-images.ts';
import { readArchive, readArchiveFiles, readRunOrders } from '../../runs/read-runs.ts';
import type { Run } from '../../runs/run.ts';
import { askForLabels, readCurrentOrders } from '../../runs/run-orders.ts';
import { setAttention, setImagesConfirmed, setStatus } from '../../runs/write-run.ts';
import { findRegistered } from '../../zarr/find-registered.ts';
import { isZarrPath } from '../../zarr/store-name.ts';
import type { StepHandle, StepOutcome, WorkerContext } from '../context.ts';
import { publishStatus } from '../publish.ts';

/**
 * Follows the run's orders until every image was found in OMERO. What an importer reports is not enough: `IMPORTED` is
 * said of images that OMERO itself has.
 */
export async function importImages(ctx: WorkerContext, run: Run, step: StepHandle): Promise<StepOutcome> {
  const archive = await readArchive(ctx.runs, run.taskId);
  if (!archive || !run.destination) return 'again';
  const uuids = await readRunOrders(ctx.runs, run.id);
  const labels = await askForLabels(ctx.orders, uuids);
  const images = orderedOf(archive.path, await readArchiveFiles(ctx.runs, run.taskId), labels);
  const { orders, outcome } = await readCurrentOrders(ctx.runs, ctx.orders, run.id);
  const gone = orders.find((o) => !o.state);
  if (orders.length === 0 || gone) throw bridgeError('ORDER_GONE', { order: gone?.uuid ?? 'of this run' });
  const current = orders.flatMap(({ state }) => state ?? []);
  const newest = current.map((o) => o.uuid).join(', ');

  const results = (await Promise.all(uuids.map((uuid) => fileResults(ctx.orders, uuid)))).flat();
  const imported = new Set(
    results.filter((r) => r.state === 'imported' || r.state === 'already-there').map((r) => r.path),
  );
  step.progress({
    filesDone: images.filter((i) => imported.has(i.absolute)).length,
    filesTotal: images.length,
    bytesDone: images.filter((i) => imported.has(i.absolute)).reduce((sum, i) => sum + i.bytes, 0),
    detail: current.map((o) => `Order ${o.uuid}: ${o.stage}`).join('; '),
  });

  const failed = current.find((o) => o.stage === stages.failed);
  if (outcome === 'failed' && failed) throw await importFailure(ctx, run, images, results, failed);
  const open = current.find((o) => o.stage !== stages.completed && o.stage !== stages.failed);
  if (open) {
    await noteTimeout(ctx, run, step, open);
    await ctx.orderChanges.wait(open.uuid, 1_000, step.signal);
    return 'again';
  }
  const found = await imagesInOmero(ctx, run, images);
  const missing = images.filter((i) => !found.has(i.absolute));
  if (missing.length)
    throw bridgeError('IMPORT_NOT_CONFIRMED', {
      order: newest,
      missing: missing.length,
      total: images.length,
      first: missing[0]?.path ?? '',
    });
  await publishStatus(ctx, run, statuses.imported);
  await step.write(async (tx) => {
    await setImagesConfirmed(tx, run.id);
    await setStatus(tx, run.id, statuses.imported);
    await setAttention(tx, run.id, null);
  });
  step.progress({ filesDone: images.length, filesTotal: images.length });
  return 'again';
}

/** Absolute paths of the images that stand in the destination, each with the ids of its images or plates. */
export async function imagesInOmero(
  ctx: WorkerContext,
  run: Run,
  images: ArchivedImage[],
): Promise<Map<string, { imageIds: number[]; plateIds: number[] }>> {
  const session = await ctx.omero.admin();
  const byClientPath = new Map(images.map((i) => [clientPathOf(i.absolute), i.absolute]));
  const found = new Map<string, { imageIds: number[]; plateIds: number[] }>();
  for (const fileset of await session.filesetsByClientPath(images.map((i) => i.absolute))) {
    const path = byClientPath.get(fileset.clientPath);
    if (path === undefined || (fileset.imageIds.length === 0 && fileset.plateIds.length === 0)) continue;
    const here = run.destination?.type === 'Screen' || fileset.datasetIds.includes(run.destination?.id ?? -1);
    if (here) found.set(path, { imageIds: fileset.imageIds, plateIds: fileset.plateIds });
  }
  for (const { absolute: path } of images) {
    if (found.has(path) || !isZarrPath(path) || !run.destination) continue;
    const registered = await findRegistered(session, path, run.destination);
    if (registered) found.set(path, registered);
  }
  return found;
}

async function importFailure(
  ctx: WorkerContext,
  run: Run,
  images: ArchivedImage[],
  results: Awaited<ReturnType<typeof fileResults>>,
  order: OrderState,
): Promise<Error> {
  const found = await imagesInOmero(ctx, run, images);
  const failed = images.length - found.size;
  const reasons = results
    .filter((r) => r.state === 'failed' && r.error !== null && !found.has(r.path))
    .slice(0, 3)
    .map((r) => r.error);
  return bridgeError('IMPORT_FAILED', {
    failed,
    total: images.length,
    order: order.uuid,
    reasons: reasons.join('; ') || order.description || 'the importer gave no reason',
  });
}

/** After the waiting time the run says so and goes on waiting: slow is not failed. */
async function noteTimeout(ctx: WorkerContext, run: Run, step: StepHandle, order: OrderState): Promise<void> {
  const waitedMs = Date.now() - order.placedAt.getTime();
  if (waitedMs < ctx.config.worker.importTimeoutSeconds * 1000 || run.attention?.code === 'import_timeout') return;
  const error = bridgeError('IMPORT_TIMEOUT', { order: order.uuid, minutes: Math.round(waitedMs / 60_000) });
  await step.write((tx) => setAttention(tx, run.id, { code: 'import_timeout', detail: error.message }));
}
