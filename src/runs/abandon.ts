import { bridgeError } from '../domain/errors.ts';
import { transaction, type Pool } from '../lib/database.ts';
import { readRun } from './read-runs.ts';
import { insertAudit } from './write-run.ts';

/**
 * Gives a run up: no step of it is tried again. What stands stays: the archive, the images in OMERO, the data on the
 * cluster. A worker then cancels what is under way, its job and its open upload orders, and publishes the workflow as
 * failed, which ends the wait of everybody who reads BIOMERO's log. Asking twice changes nothing.
 *
 * @throws RUN_NOT_FOUND, RUN_DONE
 */
export async function abandonRun(runs: Pool, runId: string, who: string, reason: string): Promise<void> {
  const run = await readRun(runs, runId);
  if (!run) throw bridgeError('RUN_NOT_FOUND', { run: runId });
  if (run.outcome === 'done') throw bridgeError('RUN_DONE', { run: runId });
  await transaction(runs, async (tx) => {
    const { rowCount } = await tx.query(
      `update bridge.runs set abandoned_at = clock_timestamp(), abandoned_by = $2, abandoned_reason = $3,
         outcome = null, ended_at = null, revision = revision + 1, updated_at = clock_timestamp()
       where id = $1 and abandoned_at is null and outcome is distinct from 'done'`,
      [runId, who, reason],
    );
    if (!rowCount) return;
    await insertAudit(tx, { who, action: 'abandon', runId, reason });
    await tx.query(`select pg_notify('bridge_runs', $1)`, [runId]);
  });
}
