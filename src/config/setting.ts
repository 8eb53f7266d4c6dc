/** A setting that is read, as data; `settings-table.ts` holds all of them. */
export interface Setting {
  readonly name: string;
  /** `environment`, `settings.yml`, or a section of `slurm-config.ini`. */
  readonly where: 'environment' | 'settings.yml' | '[SSH]' | '[SLURM]' | '[ANALYTICS]' | '[WORKFLOWS]';
  /** The expected form, as words that follow "expected". */
  readonly form: string;
  /** The default as people read it; empty: none. */
  readonly default: string;
  readonly meaning: string;
  readonly secret?: true;
  /** The value may stand in a file that `<name>_FILE` names. */
  readonly file?: true;
  /** Environment variables that win over a file's key. */
  readonly variables?: readonly string[];
}

// Forms that several settings have.
export const postgres = 'a PostgreSQL URL such as postgresql+psycopg2://user:password@host:5432/database';
export const bool = 'true, yes, on, 1 or false, no, off, 0';
export const positive = 'a positive whole number';

type More = Pick<Setting, 'secret' | 'file' | 'variables'>;

/** A variable of the environment. */
export function variable<const N extends string>(
  name: N,
  form: string,
  fallback: string,
  meaning: string,
  more: More = {},
) {
  return { name, where: 'environment' as const, form, default: fallback, meaning, ...more };
}

/** A key of settings.yml. */
export function yamlKey<const N extends string>(
  name: N,
  form: string,
  fallback: string,
  meaning: string,
  more: More = {},
) {
  return { name, where: 'settings.yml' as const, form, default: fallback, meaning, ...more };
}

/** A key of slurm-config.ini. */
export function iniKey<const N extends string>(
  where: Exclude<Setting['where'], 'environment' | 'settings.yml'>,
  name: N,
  form: string,
  fallback: string,
  meaning: string,
  ...variables: string[]
) {
  return { name, where, form, default: fallback, meaning, ...(variables.length ? { variables } : {}) };
}
