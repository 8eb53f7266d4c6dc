import { bridgeError, isBridgeError } from '../domain/errors.ts';
import { statuses, type StepName } from '../domain/vocabulary.ts';
import type { Lease } from '../lib/lease.ts';
import { cancelOrder } from '../orders/cancel-order.ts';
import { readRunOrders, readSteps } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import { endRun, setFailure, setStatus, writeRun } from '../runs/write-run.ts';
import { endStep } from '../runs/write-step.ts';
import { endPredecessor } from '../importer/predecessor.ts';
import type { WorkerContext } from './context.ts';
import { publishAbandoned } from './publish.ts';
import { UploadJournal } from './upload-journal.ts';
import { removeWork } from './work-folder.ts';

/** Carries out what `abandonRun` stored. Every part may be repeated after a crash. */
export async function abandon(ctx: WorkerContext, run: Run, lease: Lease): Promise<void> {
  if (!run.abandoned) return;
  const { by, reason } = run.abandoned;
  if (run.job && run.job.endedAt === null) await ctx.slurm.cancel(run.job.id);
  for (const uuid of await readRunOrders(ctx.runs, run.id)) {
    try {
      await cancelOrder(ctx.orders, uuid, by, reason);
    } catch (error) {
      // Whoever else has it goes on with it; the run waits no more.
      if (!isBridgeError(error, 'ORDER_UNKNOWN', 'ORDER_OF_ANOTHER_IMPORTER')) throw error;
      ctx.log.warn({ run: run.id, order: uuid, code: error.code }, error.message);
    }
  }
  const error = bridgeError('RUN_ABANDONED', { by, reason });
  await publishAbandoned(ctx, run, error);
  if (run.recipe === 'get-results') await endUpload(ctx, run, lease);
  await removeWork(run);
  const steps = (await readSteps(ctx.runs, [run.id])).get(run.id) ?? [];
  const step: StepName = steps.find((s) => s.state !== 'done')?.step ?? 'annotate';
  await writeRun(ctx.runs, run.id, lease, async (tx) => {
    await endStep(tx, run.id, step, 'failed', error.message);
    await setFailure(tx, run.id, step, error);
    await setStatus(tx, run.id, statuses.failed);
    await endRun(tx, run.id, 'failed');
  });
}

/** A worker that died may have left an upload that goes on. */
async function endUpload(ctx: WorkerContext, run: Run, lease: Lease): Promise<void> {
  const journal = new UploadJournal(run.taskId, {
    write: (change) => writeRun(ctx.runs, run.id, lease, change),
    progress: () => undefined,
  });
  const ending = { waitMs: 0, signal: AbortSignal.timeout(60_000) };
  await endPredecessor({ pool: ctx.runs, log: ctx.log }, journal, await ctx.omero.admin(), [], ending);
}
