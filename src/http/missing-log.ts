import { bridgeError, type BridgeError } from '../domain/errors.ts';
import type { Database } from '../lib/database.ts';
import { jobLogName } from '../domain/vocabulary.ts';
import { hasArchiveFile, readArchive } from '../runs/read-runs.ts';
import type { Run } from '../runs/run.ts';

/**
 * Why there is no log where it would be read: not yet, never, or not any more, and then where it went. Only what was
 * brought home with the results can say that there was one.
 */
export async function whyNoLog(db: Database, run: Run): Promise<BridgeError> {
  const { job } = run;
  if (!job)
    return run.endedAt === null
      ? bridgeError('LOG_NOT_THERE', {})
      : bridgeError('LOG_NEVER_WRITTEN', { reason: 'it ended before it had a job' });
  const archive = await readArchive(db, run.taskId);
  if (!archive) {
    if (job.endedAt === null && run.endedAt === null) return bridgeError('LOG_NOT_THERE', {});
    const reason = `job ${job.id} wrote none, or it was removed from the cluster before the results were brought home`;
    return bridgeError('LOG_NEVER_WRITTEN', { reason });
  }
  const name = jobLogName(job.id);
  if (!(await hasArchiveFile(db, run.taskId, name)))
    return bridgeError('LOG_NEVER_WRITTEN', { reason: `job ${job.id} wrote none` });
  return bridgeError('LOG_GONE', { job: job.id, where: whereAttached(run, name) });
}

function whereAttached(run: Run, name: string): string {
  const { destination } = run;
  const places = new Set<string>();
  if (run.annotatedAt !== null && run.recipe === 'get-results' && destination)
    places.add(`${destination.type} ${destination.id}`);
  for (const { what, to } of run.delivered?.files ?? []) if (what === 'log') places.add(`${to.type} ${to.id}`);
  if (places.size === 0) return 'this run has not attached it';
  return `${name} is attached to ${[...places].join(' and ')}`;
}
