import { newestForeignStage, readImporters } from '../../orders/importers.ts';
import { readQueue } from '../../orders/queue.ts';
import type { DoctorCheck } from '../check.ts';

/** An order that waits longer, while no importer shows itself, is one that nobody takes. */
const longWaitMs = 5 * 60_000;
const stopOne = 'Stop one of the two importers, then start ours again: both would import everything twice.';

export const importers: DoctorCheck = {
  id: 'importers',
  title: 'importers',
  tests:
    'Looks for the heartbeats of our importers, for what other importers (such as the Python one) wrote, and for orders that nobody takes.',
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database'],
  run: async ({ orders, config, roles, now }) => {
    if (!orders) return { outcome: 'skipped', found: 'no database of upload orders is configured' };
    if (!config.importerEnabled) return { outcome: 'skipped', found: 'IMPORTER_ENABLED is off: results are uploaded' };
    const all = await readImporters(orders);
    const stopped = all.filter((i) => i.state === 'stopped');
    const alive = all.filter((i) => i.state === 'alive');
    if (stopped.length)
      return {
        outcome: 'problem',
        found: `another kind of importer works on the same table: ${stopped.map((i) => `${i.host} stopped (${i.stopped})`).join('; ')}`,
        remedy: stopOne,
        who: 'admin',
      };
    const queue = await readQueue(orders);
    const pending = queue.reduce((sum, group) => sum + group.pending, 0);
    const oldest = Math.min(...queue.flatMap((g) => (g.oldestPendingAt ? [g.oldestPendingAt.getTime()] : [])));
    const waiting = pending ? `${pending} orders wait, the oldest for ${minutes(now() - oldest)}` : 'no order waits';
    if (alive.length) return { outcome: 'ok', found: `alive on ${alive.map((i) => i.host).join(', ')}; ${waiting}` };
    const stuck = pending > 0 && now() - oldest > longWaitMs;
    const other = await newestForeignStage(orders);
    if (other) {
      const found = `no importer of ours, as where the Python importer works: it wrote "${other.stage}" ${minutes(now() - other.at.getTime())} ago; ${waiting}`;
      if (!stuck) return { outcome: 'ok', found };
      return {
        outcome: 'problem',
        found,
        remedy: 'Look whether the Python importer still runs, and read its log; or start ours in its place.',
        who: 'admin',
      };
    }
    const expected = stuck || roles.includes('importer');
    return {
      outcome: expected ? 'problem' : 'warning',
      found: `no importer shows itself in this database; ${waiting}`,
      remedy:
        "Start the importer and read its log; its INGEST_TRACKING_DB_URL must name the worker's database. A Python importer is seen as soon as it has taken an order.",
      who: 'admin',
    };
  },
};

function minutes(ms: number): string {
  return `${Math.max(0, Math.round(ms / 60_000))} min`;
}
