import type { Setting } from './setting.ts';
import { biomeroVariables } from './tables/biomero-variables.ts';
import { importVariables } from './tables/import-variables.ts';
import { runVariables } from './tables/run-variables.ts';
import { serviceVariables } from './tables/service-variables.ts';
import { settingsYml } from './tables/settings-yml.ts';
import { slurmIni } from './tables/slurm-ini.ts';

/**
 * Every setting that is read, as data: names, forms, defaults and meanings. Error texts and the reference page are made
 * from it; the readers look forms up here, so a setting cannot be read without standing in this table.
 */
export const settings = [
  ...biomeroVariables,
  ...runVariables,
  ...importVariables,
  ...serviceVariables,
  ...settingsYml,
  ...slurmIni,
] as const satisfies readonly Setting[];

export type SettingName = (typeof settings)[number]['name'];

/** Checked at start, but nothing uses them yet; the reference page says so. */
export const withoutEffect: ReadonlySet<SettingName> = new Set<SettingName>([
  'slurm_converters_path',
  'slurm_script_repo',
  'slurm_conversion_partition',
  'sacct_start_time',
  'sacct_days_ago',
]);

const byName: ReadonlyMap<string, Setting> = new Map(settings.map((setting) => [setting.name, setting]));

/** The setting of this name; names are unique over all places. */
export function settingOf(name: SettingName): Setting {
  const setting = byName.get(name);
  if (!setting) throw new Error(`setting ${name} stands in no table`);
  return setting;
}
