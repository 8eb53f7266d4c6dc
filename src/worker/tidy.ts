import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../domain/errors.ts';
import type { LeaseHolder } from '../lib/lease.ts';
import { imagesOf } from '../runs/archived-images.ts';
import { runsOnDataPath, runsToTidy } from '../runs/read-cluster-data.ts';
import { readArchive, readArchiveFiles } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';
import { setClusterData, writeRun } from '../runs/write-run.ts';
import { unfinishedJobsBeside } from '../tracking/find-job.ts';
import { removeJobData, type Removal } from '../slurm/remove-data.ts';
import type { WorkerContext } from './context.ts';

const lookEveryMs = 2_000;
/** What could not be removed is tried again after this. */
const againAfterMs = 60_000;

/**
 * Removes the data of finished runs from the cluster until the signal aborts: only where the archive stands verified,
 * or on the classic way all results are attached in OMERO, every image was found there, and nobody else uses the folder. Failed runs keep theirs. Never a reason for a run to
 * fail: what cannot be removed stays, with the reason.
 */
export async function tidyCluster(ctx: WorkerContext, leases: LeaseHolder, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for (const run of await runsToTidy(ctx.runs, againAfterMs, 20)) {
        if (signal.aborted) return;
        await tidy(ctx, leases, run);
      }
    } catch (error) {
      ctx.log.debug({ error: describeError(error) }, 'data on the cluster could not be removed; it is tried again');
      await sleep(againAfterMs, undefined, { signal }).catch(() => undefined);
    }
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function tidy(ctx: WorkerContext, leases: LeaseHolder, run: Run): Promise<void> {
  const lease = await leases.acquire(`tidy:${run.id}`);
  if (!lease) return;
  try {
    const removal = (await mayNot(ctx, run)) ?? (await remove(ctx, run));
    const state = removal.outcome === 'removed' ? 'removed' : removal.outcome === 'refused' ? 'keep' : 'remove';
    const detail = removal.outcome === 'removed' ? null : removal.reason;
    if (state === 'keep') ctx.log.warn({ run: run.id, path: run.dataPath, reason: detail }, 'data on the cluster stay');
    await writeRun(ctx.runs, run.id, lease, (tx) => setClusterData(tx, run.id, state, detail));
  } finally {
    await lease.release();
  }
}

/** Why the data must stay, by what stands here; null when nothing is against removing them. */
async function mayNot(ctx: WorkerContext, run: Run): Promise<Removal | null> {
  const archive = await readArchive(ctx.runs, run.taskId);
  if (!archive || !run.job) return { outcome: 'refused', reason: 'there is no verified archive' };
  if (!archive.kept && run.annotatedAt === null)
    return { outcome: 'refused', reason: 'the results are not all in OMERO' };
  const manifest = join(archive.path, 'manifest-sha256.txt');
  const standing = await access(manifest).then(
    () => true,
    () => false,
  );
  if (archive.kept && !standing) return { outcome: 'failed', reason: `the archive ${archive.path} cannot be seen` };
  const images = imagesOf(archive.path, await readArchiveFiles(ctx.runs, run.taskId)).length;
  if (images > 0 && run.imagesConfirmedAt === null)
    return { outcome: 'refused', reason: 'the import is not confirmed' };
  const [other] = await runsOnDataPath(ctx.runs, run);
  if (other) return { outcome: 'in use', reason: `run ${other} still uses it` };
  const [job] = await unfinishedJobsBeside(ctx.runs, run.workflowId, [run.taskId, run.workflowTaskId]);
  return job === undefined ? null : { outcome: 'in use', reason: `job ${job} of the same workflow has not ended` };
}

/** A run of ours has its id in the folder's name; of a job that was found, the folder is the one its log named. */
async function remove(ctx: WorkerContext, run: Run): Promise<Removal> {
  const own = run.dataPath.includes(run.workflowId) ? run.workflowId : basename(run.dataPath);
  const root = ctx.config.slurm.dataPath;
  return await removeJobData(ctx.transport, { root, path: run.dataPath, jobId: run.job?.id ?? 0, own });
}
