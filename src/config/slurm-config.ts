import { readFile } from 'node:fs/promises';
import { Ini, IniError } from './ini.ts';
import { shownValue, unreadable } from './problems.ts';
import { settingOf, type SettingName } from './settings-table.ts';
import type { SlurmConfig, SlurmSubmissionConfig, TrackingConfig } from './config.ts';
import { bool, text, whole, type Found, type Parse, type Values } from './values.ts';
import { workflowsOf } from './workflows.ts';

/*
 * slurm-config.ini, as BIOMERO reads it: environment over file over default; an empty value counts as none.
 * [CONVERTERS] is not ours. Workflow parameters come from descriptors, not from here.
 */

export class SlurmIni {
  /** Files that were there, in the order read. */
  readonly files: string[] = [];
  readonly #ini: Ini;
  readonly #values: Values;

  /** `ini`: one that has been read already. */
  constructor(values: Values, ini: Ini = new Ini()) {
    this.#values = values;
    this.#ini = ini;
  }

  /** Reads a file; an absent one is passed over unless it `must` be there. */
  async read(path: string, must: boolean): Promise<void> {
    const problem = (found: string, expected: string, line: number | null = null): void => {
      this.#values.problems.push({ place: path, key: '', found, expected, line });
    };
    try {
      this.#ini.read(await readFile(path, 'utf8'), path);
      this.files.push(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (error instanceof IniError) problem(`no ini file (${error.message})`, 'an ini file', error.line);
      else if (code !== 'ENOENT' && code !== 'ENOTDIR') problem(unreadable(code), 'a file that this user can read');
      else if (must) problem('not there', 'the slurm-config.ini that BIOMERO_BRIDGE_SLURM_CONFIG names');
    }
  }

  /** A key's value with its place; null when absent or empty. */
  find(section: string, key: string, form: string, secret = false): Found | null {
    try {
      const hit = this.#ini.get(section, key);
      const value = hit?.value?.trim();
      if (!hit || !value) return null;
      return { text: value, place: hit.file, key: `[${section}] ${key}`, line: hit.line, secret, form };
    } catch (error) {
      if (!(error instanceof IniError)) throw error;
      const found = `unreadable (${error.message})`;
      this.#values.problems.push({
        place: error.file,
        key: `[${section}] ${key}`,
        found,
        expected: form,
        line: error.line,
      });
      return null;
    }
  }

  /** A setting of the table: its variables first, then the file. */
  take<T>(path: string, name: SettingName, parse: Parse<T>, fallback: T): T {
    return this.#values.take(path, this.candidates(name), parse, fallback, `${settingOf(name).where} ${name}`);
  }

  candidates(name: SettingName): (Found | null)[] {
    const setting = settingOf(name);
    const { form, secret = false } = setting;
    const variables = (setting.variables ?? []).map((v) => this.#values.raw(v, form, secret));
    return [...variables, this.find(setting.where.slice(1, -1), name, form, secret)];
  }

  /** With those inherited from DEFAULT, which count where BIOMERO lists a section's keys. */
  keys(section: string): string[] {
    return this.#ini.keys(section);
  }

  ownKeys(section: string): string[] {
    return this.#ini.ownKeys(section);
  }

  /** A value already found in the file. */
  value<T>(path: string, found: Found | null, parse: Parse<T>, fallback: T, name = ''): T {
    return this.#values.take(path, [found], parse, fallback, name);
  }

  reject(found: Found, instead?: string): void {
    this.#values.wrong(found, instead);
  }

  /** Puts a `<prefix><flag>` key's value under its flag; a key that is no sbatch option is noted. Origin under `path`. */
  putFlag(flags: Record<string, string>, flag: string, section: string, key: string, path: string): void {
    const found = this.find(section, key, 'a value');
    if (/^[a-z][a-z0-9_-]*$/.test(flag)) {
      flags[flag] = found?.text ?? '';
      if (found) this.#values.origins[`${path}.${flag}`] = { place: found.place, key: found.key, line: found.line };
    } else
      this.#values.problems.push({
        place: found?.place ?? this.files.at(-1) ?? '',
        key: `[${section}] ${key}`,
        found: `for the option ${shownValue(flag, false)}`,
        expected: 'the name of an sbatch option',
        line: found?.line ?? null,
      });
  }
}

/** The cluster half of the configuration that stands in the ini. */
export function slurmFromIni(ini: SlurmIni): Omit<SlurmConfig, 'transport' | 'home' | 'pollSeconds'> {
  const optional = (path: string, name: SettingName): string | null => ini.take<string | null>(path, name, text, null);
  return {
    host: ini.take('slurm.host', 'host', text, 'slurm'),
    dataPath: ini.take('slurm.dataPath', 'slurm_data_path', text, 'my-scratch/data'),
    imagesPath: ini.take('slurm.imagesPath', 'slurm_images_path', text, 'my-scratch/singularity_images/workflows'),
    scriptPath: ini.take('slurm.scriptPath', 'slurm_script_path', text, 'slurm-scripts'),
    defaultPartition: optional('slurm.defaultPartition', 'slurm_default_partition'),
    sbatch: sbatchFlags(ini),
    workflows: workflowsOf(ini),
    submission: submissionOf(ini),
  };
}

export function trackingFromIni(ini: SlurmIni, views: TrackingConfig['views']): TrackingConfig {
  return {
    enabled: ini.take('tracking.enabled', 'track_workflows', bool, true),
    jobAccounting: ini.take('tracking.jobAccounting', 'enable_job_accounting', bool, true),
    jobProgress: ini.take('tracking.jobProgress', 'enable_job_progress', bool, true),
    workflowAnalytics: ini.take('tracking.workflowAnalytics', 'enable_workflow_analytics', bool, true),
    views,
  };
}

function submissionOf(ini: SlurmIni): SlurmSubmissionConfig {
  const optional = (key: string, name: SettingName): string | null =>
    ini.take<string | null>(`slurm.submission.${key}`, name, text, null);
  const gpuGres = optional('gpuGres', 'gpu_gres');
  const gpus = optional('gpus', 'gpu_gpus');
  const both = gpuGres && gpus && ini.candidates('gpu_gpus').find((c) => c);
  if (both) ini.reject({ ...both, form: 'gpu_gres or gpu_gpus, not both' });
  return {
    convertersPath: ini.take(
      'slurm.submission.convertersPath',
      'slurm_converters_path',
      text,
      'my-scratch/singularity_images/converters',
    ),
    scriptRepository: optional('scriptRepository', 'slurm_script_repo'),
    dataBindPath: optional('dataBindPath', 'slurm_data_bind_path'),
    conversionPartition: optional('conversionPartition', 'slurm_conversion_partition'),
    sacctStart: ini.take('slurm.submission.sacctStart', 'sacct_start_time', sacctDate, '2023-01-01'),
    sacctDaysAgo: ini.take<number | null>('slurm.submission.sacctDaysAgo', 'sacct_days_ago', whole(1), null),
    envFile: ini.take('slurm.submission.envFile', 'env_file_submission', bool, false),
    injectGpuFlag: ini.take('slurm.submission.injectGpuFlag', 'inject_gpu_flag', bool, false),
    gpuPartition: optional('gpuPartition', 'gpu_partition'),
    gpuGres,
    gpus,
  };
}

/** `sacct --starttime` gets this as an argument, so that it must not be taken for an option. */
const sacctDate: Parse<string> = (value) => (/^[\w][\w:/.+-]*$/.test(value.trim()) ? value.trim() : null);

function sbatchFlags(ini: SlurmIni): Record<string, string> {
  const flags: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const key of ini.keys('SLURM'))
    if (key.startsWith('sbatch_')) ini.putFlag(flags, key.slice('sbatch_'.length), 'SLURM', key, 'slurm.sbatch');
  return flags;
}
