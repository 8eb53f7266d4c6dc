import type { DoctorCheck } from '../check.ts';

const shipped = new Set(['omero', 'postgres', 'biomero', 'password', 'changeme', 'admin', 'root']);

export const passwords: DoctorCheck = {
  id: 'passwords',
  title: 'passwords',
  tests: 'Compares the configured passwords with those that published examples ship with.',
  roles: ['worker', 'importer', 'web'],
  needs: [],
  run: ({ config }) => {
    const { omero, databases } = config;
    if (![omero.password, databases.runs, databases.orders].some(Boolean))
      return Promise.resolve({ outcome: 'skipped', found: 'none is configured' });
    const weak = [
      ...(shipped.has(config.omero.password) ? ['OMERO_PASSWORD'] : []),
      ...(['runs', 'orders'] as const).flatMap((part) =>
        shipped.has(passwordOf(config.databases[part]))
          ? [part === 'runs' ? 'SQLALCHEMY_URL' : 'INGEST_TRACKING_DB_URL']
          : [],
      ),
    ];
    if (!weak.length) return Promise.resolve({ outcome: 'ok', found: 'none is one of the published defaults' });
    return Promise.resolve({
      outcome: 'warning',
      found: `a published default is still used: ${weak.join(', ')}`,
      remedy: 'Change these passwords in OMERO and PostgreSQL, then here.',
      who: 'admin',
    });
  },
};

function passwordOf(url: string): string {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).password) : '';
}
