import { readImporters } from '../../orders/importers.ts';
import { readQueue } from '../../orders/queue.ts';
import type { DoctorCheck } from '../check.ts';

export const importers: DoctorCheck = {
  id: 'importers',
  title: 'importers',
  tests: 'Looks for the heartbeats of importers, and for orders that nobody takes.',
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database'],
  run: async ({ orders, config, now }) => {
    if (!orders) return { outcome: 'skipped', found: 'no database of upload orders is configured' };
    if (!config.importerEnabled) return { outcome: 'skipped', found: 'IMPORTER_ENABLED is off: results are uploaded' };
    const all = await readImporters(orders);
    const stopped = all.filter((i) => i.state === 'stopped');
    const alive = all.filter((i) => i.state === 'alive');
    if (stopped.length)
      return {
        outcome: 'problem',
        found: `another kind of importer works on the same table: ${stopped.map((i) => `${i.host} stopped (${i.stopped})`).join('; ')}`,
        remedy: 'Stop one of the two importers, then start ours again.',
        who: 'admin',
      };
    const queue = await readQueue(orders);
    const pending = queue.reduce((sum, group) => sum + group.pending, 0);
    const oldest = Math.min(...queue.flatMap((g) => (g.oldestPendingAt ? [g.oldestPendingAt.getTime()] : [])));
    const waiting = pending
      ? `${pending} orders wait, the oldest for ${Math.round((now() - oldest) / 60_000)} min`
      : 'no order waits';
    if (alive.length) return { outcome: 'ok', found: `alive on ${alive.map((i) => i.host).join(', ')}; ${waiting}` };
    return {
      outcome: 'problem',
      found: `no importer of ours is alive in this database; ${waiting}`,
      remedy:
        "Start the importer and read its log; its INGEST_TRACKING_DB_URL must name the worker's database. A Python importer shows no heartbeat: where one works, this is as expected.",
      who: 'admin',
    };
  },
};
