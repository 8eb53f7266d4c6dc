import { bridgeError } from '../domain/errors.ts';
import { stages } from '../domain/vocabulary.ts';
import { transaction } from '../lib/database.ts';
import { fileResults } from '../orders/file-results.ts';
import { orderUuid } from '../orders/order-uuid.ts';
import { placeOrder } from '../orders/place-order.ts';
import { readOrder } from '../orders/read-order.ts';
import { orderedOf } from './archived-images.ts';
import type { ViewSources } from './read-view.ts';
import { readArchive, readArchiveFiles, readRun, readRunOrders } from './read-runs.ts';
import { askForLabels } from './run-orders.ts';
import { mayBeRepeated } from './run.ts';
import { clearFailure, insertAudit, insertRunOrder } from './write-run.ts';

/**
 * Opens a failed run again from the step that failed. After a failed import a new order asks for the images that are
 * missing, linked to the one before; who asked is kept in the audit.
 *
 * @throws RUN_NOT_FOUND, RUN_NOT_FAILED, RUN_NOT_REPEATABLE, RUN_ABANDONED
 */
export async function retryRun(
  sources: ViewSources,
  runId: string,
  who: string,
  reason: string | null = null,
): Promise<void> {
  const run = await readRun(sources.runs, runId);
  if (!run) throw bridgeError('RUN_NOT_FOUND', { run: runId });
  if (run.outcome !== 'failed') throw bridgeError('RUN_NOT_FAILED', { run: runId });
  if (run.abandoned) throw bridgeError('RUN_ABANDONED', run.abandoned);
  if (run.failure && !mayBeRepeated(run.failure))
    throw bridgeError('RUN_NOT_REPEATABLE', { run: runId, job: run.job?.id ?? 'none' });

  const archive = await readArchive(sources.runs, run.taskId);
  const uuids = await readRunOrders(sources.runs, runId);
  const newest = uuids.at(-1);
  const order = newest ? await readOrder(sources.orders, newest) : null;
  let next: { uuid: string; part: number; retryOf: string } | null = null;
  if (archive && newest && order && run.job && run.destination && isTerminal(order.stage)) {
    const done = new Set<string>();
    for (const uuid of uuids)
      for (const r of await fileResults(sources.orders, uuid))
        if (r.state === 'imported' || r.state === 'already-there') done.add(r.path);
    const labels = await askForLabels(sources.orders, uuids);
    const images = orderedOf(archive.path, await readArchiveFiles(sources.runs, run.taskId), labels);
    const missing = images.map((i) => i.absolute).filter((path) => !done.has(path));
    const part = uuids.length + 1;
    const uuid = orderUuid({ taskId: run.taskId, jobId: run.job.id, destination: run.destination, part });
    // When every file has a good result but OMERO did not show it, all are asked for: those that are there stay as they are.
    await placeOrder(sources.orders, {
      uuid,
      groupName: run.group.name,
      userName: run.user.name,
      destinationType: run.destination.type,
      destinationId: run.destination.id,
      files: missing.length ? missing : images.map((i) => i.absolute),
      link: { taskId: run.taskId, runId, archivePath: archive.path, part, retryOf: newest },
    });
    next = { uuid, part, retryOf: newest };
  }
  await transaction(sources.runs, async (tx) => {
    if (next) await insertRunOrder(tx, runId, next);
    await clearFailure(tx, runId);
    await insertAudit(tx, { who, action: 'retry', runId, reason: reason ?? run.failure?.message ?? null });
    await tx.query('update bridge.runs set revision = revision + 1, updated_at = clock_timestamp() where id = $1', [
      runId,
    ]);
    await tx.query(`select pg_notify('bridge_runs', $1)`, [runId]);
  });
}

function isTerminal(stage: string): boolean {
  return stage === stages.completed || stage === stages.failed;
}
