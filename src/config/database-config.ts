import type { DatabaseConfig } from './config.ts';
import { normaliseDatabaseUrl } from './database-url.ts';
import type { SettingsFile } from './settings.ts';
import type { SettingName } from './settings-table.ts';
import type { SlurmIni } from './slurm-config.ts';
import type { Parse, Values } from './values.ts';

/** Where orders and runs are kept. `needed`: what may not be missing. */
export function databasesOf(
  values: Values,
  settings: SettingsFile,
  ini: SlurmIni,
  needed: { orders: boolean; runs: boolean },
): DatabaseConfig {
  const orders = [values.variable('INGEST_TRACKING_DB_URL'), settings.found('ingest_tracking_db')];
  const runs = [values.variable('SQLALCHEMY_URL'), ...ini.candidates('sqlalchemy_url').slice(1)];
  const absent = (name: SettingName, found: readonly unknown[]): boolean =>
    found.every((f) => f === null) && !values.problems.some((p) => p.key === name || p.key === `${name}_FILE`);
  if (needed.orders && absent('INGEST_TRACKING_DB_URL', orders))
    values.missing('INGEST_TRACKING_DB_URL', "the importer's database; or ingest_tracking_db in settings.yml");
  if (needed.runs && absent('SQLALCHEMY_URL', runs))
    values.missing('SQLALCHEMY_URL', "BIOMERO's database; or sqlalchemy_url in slurm-config.ini");
  const runsUrl = values.take('databases.runs', runs, databaseUrl, '', 'SQLALCHEMY_URL');
  return {
    // Without orders of anybody's, what our own code looks up about orders is looked up beside the runs, and not found.
    orders: values.take(
      'databases.orders',
      orders,
      databaseUrl,
      needed.orders ? '' : runsUrl,
      'INGEST_TRACKING_DB_URL',
    ),
    runs: runsUrl,
  };
}

const databaseUrl: Parse<string> = (value) => {
  const result = normaliseDatabaseUrl(value);
  return 'url' in result ? result.url : result;
};
