import type { Pool } from '../lib/database.ts';
import { imagesOf } from '../runs/archived-images.ts';
import type { RunFacts } from '../runs/next-step.ts';
import { readArchive, readArchiveFiles } from '../runs/read-runs.ts';
import { readCurrentOrders } from '../runs/run-orders.ts';
import { areFetched } from './work-folder.ts';
import type { Run } from '../runs/run.ts';
import { jobPhaseOfWord } from '../slurm/job-states.ts';

/** Looks up what stands for good about a run, in both databases. */
export async function readFacts(runs: Pool, orders: Pool, run: Run): Promise<RunFacts> {
  const archive = await readArchive(runs, run.taskId);
  const found = archive ? imagesOf(archive.path, await readArchiveFiles(runs, run.taskId)).length : 0;
  const images = run.delivery?.importImages === false ? 0 : found;
  const uploads = run.recipe === 'get-results';
  // Where something is to be done with other results, no order and no dataset is needed for it.
  const delivers = run.delivery !== null && (!run.delivery.importImages || (!uploads && images === 0));
  const order = uploads ? null : (await readCurrentOrders(runs, orders, run.id)).outcome;
  return {
    ended: run.endedAt !== null,
    abandoned: run.abandoned !== null,
    submitted: run.job !== null,
    job: jobFact(run),
    // Results that only wait for their upload may be gone, which matters until that is done.
    archived: archive !== null && (archive.kept || run.annotatedAt !== null || (await areFetched(archive.path))),
    images,
    order: delivers ? 'completed' : (order ?? (run.destination ? 'open' : 'none')),
    confirmed: run.imagesConfirmedAt !== null,
    annotated: run.annotatedAt !== null,
    attaches: uploads || delivers,
  };
}

function jobFact(run: Run): RunFacts['job'] {
  if (!run.job) return 'none';
  if (run.job.endedAt === null || run.job.state === null) return 'going';
  return jobPhaseOfWord(run.job.state) === 'succeeded' ? 'succeeded' : 'failed';
}
