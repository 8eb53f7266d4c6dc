import type { Pool } from '../../lib/database.ts';
import { productVersion } from '../../lib/product-version.ts';
import { revision } from '../../orders/ensure-imports.ts';
import type { DoctorCheck } from '../check.ts';

/** What the product is tested with; PostgreSQL as `server_version_num`. */
const oldest = { node: [20, 19], postgres: 120_000 } as const;

export const versions: DoctorCheck = {
  id: 'versions',
  title: 'versions',
  tests: "Looks at the versions of Node.js and PostgreSQL, and at the revision of the Python importer's tables.",
  roles: ['worker', 'importer', 'web'],
  needs: ['orders-database', 'runs-database'],
  run: async ({ runs, orders, nodeVersion }) => {
    const found = [`biomero-bridge ${productVersion}`, `Node.js ${nodeVersion}`];
    const wrong: string[] = [];
    const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
    if (major < oldest.node[0] || (major === oldest.node[0] && minor < oldest.node[1]))
      wrong.push(`Node.js ${nodeVersion} is older than ${oldest.node.join('.')}`);
    for (const pool of new Set([orders, runs]))
      if (pool) {
        const { rows } = await pool.query<{ version: string; number: number }>(
          `select current_setting('server_version') as version, current_setting('server_version_num')::int as number`,
        );
        const [server] = rows;
        found.push(`PostgreSQL ${server?.version}`);
        if ((server?.number ?? 0) < oldest.postgres) wrong.push(`PostgreSQL ${server?.version} is older than 12`);
      }
    const stamp = orders ? await stampOf(orders) : null;
    if (stamp !== null) found.push(`tables of imports at ${stamp}`);
    if (stamp !== null && stamp !== revision)
      wrong.push(`the tables of imports are at revision ${stamp}, this version knows ${revision}`);
    if (!wrong.length) return { outcome: 'ok', found: found.join(', ') };
    return {
      outcome: 'problem',
      found: `${wrong.join('; ')} (${found.join(', ')})`,
      remedy: 'Upgrade what is older; where the tables of imports are newer, upgrade biomero-bridge.',
      who: 'admin',
    };
  },
};

/** The revision that the importer's Alembic wrote; null where there is none. */
async function stampOf(orders: Pool): Promise<string | null> {
  const { rows } = await orders.query<{ there: boolean }>(
    `select to_regclass('alembic_version_omeroadi') is not null as there`,
  );
  if (!rows[0]?.there) return null;
  const stamps = await orders.query<{ version_num: string }>('select version_num from alembic_version_omeroadi');
  return stamps.rows.map((r) => r.version_num).join(', ') || null;
}
