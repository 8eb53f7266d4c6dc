import type { DoctorCheck } from '../check.ts';

/** The newest row of an upload order is told by its time. */
const mostSeconds = 5;

export const clock: DoctorCheck = {
  id: 'clock',
  title: 'clocks',
  tests: "Compares this machine's clock with the databases'.",
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database', 'runs-database'],
  run: async ({ runs, orders, now }) => {
    let worst = 0;
    const pools = [runs, orders].filter((pool) => pool !== null);
    if (!pools.length) return { outcome: 'skipped', found: 'no database is configured' };
    for (const pool of pools) {
      const before = now();
      const { rows } = await pool.query<{ at: Date }>('select clock_timestamp() as at');
      const middle = (before + now()) / 2;
      const ahead = (middle - (rows[0]?.at.getTime() ?? middle)) / 1000;
      if (Math.abs(ahead) > Math.abs(worst)) worst = ahead;
    }
    const seconds = `${Math.abs(worst).toFixed(1)} s`;
    if (Math.abs(worst) <= mostSeconds) return { outcome: 'ok', found: `they differ by ${seconds}` };
    return {
      outcome: 'problem',
      found: `this machine is ${seconds} ${worst > 0 ? 'ahead of' : 'behind'} the database`,
      remedy: 'Let both follow the same time server (chrony or systemd-timesyncd).',
      who: 'it',
    };
  },
};
