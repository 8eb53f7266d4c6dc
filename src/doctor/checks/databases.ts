import { describeError } from '../../domain/errors.ts';
import type { Pool } from '../../lib/database.ts';
import { compareMigrations, migrate } from '../../lib/migrate.ts';
import { ensureImports } from '../../orders/ensure-imports.ts';
import type { DoctorCheck, DoctorFinding, DoctorSite } from '../check.ts';

export const runsDatabase: DoctorCheck = {
  id: 'runs-database',
  title: 'database of runs',
  tests: "Connects to `SQLALCHEMY_URL` and compares the tables of schema `bridge` with this version's.",
  roles: ['worker', 'web'],
  needs: [],
  run: (site) => look(site.runs, 'runs', 'SQLALCHEMY_URL'),
  fix: async (site) => {
    await migrate(opened(site.runs), 'runs');
    return 'schema bridge was made or brought up to date';
  },
};

export const ordersDatabase: DoctorCheck = {
  id: 'orders-database',
  title: 'database of upload orders',
  tests: 'Connects to `INGEST_TRACKING_DB_URL`, and looks for `imports` and the tables of schema `bridge`.',
  roles: ['worker', 'importer', 'web'],
  needs: [],
  run: async (site: DoctorSite) => {
    const finding = await look(site.orders, 'orders', 'INGEST_TRACKING_DB_URL');
    if (!site.orders || finding.outcome !== 'ok') return finding;
    const { rows } = await site.orders.query<{ there: boolean }>(`select to_regclass('imports') is not null as there`);
    return rows[0]?.there ? finding : toBeMade('there is no table imports');
  },
  fix: async (site) => {
    await ensureImports(opened(site.orders));
    return 'the table imports and schema bridge were made or brought up to date';
  },
};

async function look(pool: Pool | null, part: 'runs' | 'orders', variable: string): Promise<DoctorFinding> {
  if (!pool) return { outcome: 'skipped', found: 'none is configured' };
  try {
    await pool.query('select 1');
  } catch (error) {
    return {
      outcome: 'problem',
      found: `it cannot be reached: ${describeError(error)}`,
      remedy: `Start the database, or correct ${variable}; host, port, name, user and password must be right from here.`,
      who: 'admin',
    };
  }
  const { missing, foreign } = await compareMigrations(pool, part);
  if (foreign.length)
    return {
      outcome: 'problem',
      found: `a newer version has worked with it: ${foreign.join(', ')}`,
      remedy: 'Use that version of biomero-bridge here too.',
      who: 'admin',
    };
  return missing.length
    ? toBeMade(`${missing.length} changes of schema bridge are missing, the first is ${missing[0]}`)
    : { outcome: 'ok', found: 'it answers, and its tables are those of this version' };
}

function toBeMade(found: string): DoctorFinding {
  return {
    outcome: 'problem',
    found,
    remedy: 'Start a role, which makes them; or `biomero-bridge doctor --fix`.',
    who: 'admin',
    fixable: true,
  };
}

function opened(pool: Pool | null): Pool {
  if (!pool) throw new Error('no database is configured');
  return pool;
}
