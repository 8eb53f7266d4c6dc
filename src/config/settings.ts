import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { settingOf, settings } from './settings-table.ts';
import { shownValue } from './problems.ts';
import type { Found, Values } from './values.ts';

/*
 * The importer's settings.yml. Keys that we do not use may stand in it and are left alone.
 */

const positive = z.int().min(1);

/** The keys that are read; each alone decides whether its value is good. */
const shapes = {
  base_dir: z.string().refine((path) => isAbsolute(path)),
  ingest_tracking_db: z.string(),
  max_workers: positive,
  parallel_upload_per_worker: positive,
  parallel_filesets_per_worker: positive,
  skip_all: z.boolean(),
  skip_checksum: z.boolean(),
  skip_minmax: z.boolean(),
  skip_thumbnails: z.boolean(),
  skip_upgrade: z.boolean(),
  annotation_namespace: z.string().min(1),
  use_register_zarr: z.boolean(),
  shutdown_timeout: z.number().min(0).max(86_400),
  log_level: z.string().min(1),
};
type Shapes = typeof shapes;
export type SettingsKey = keyof Shapes;

export class SettingsFile {
  readonly path: string;
  /** False when there is no such file. */
  readonly exists: boolean;
  readonly #content: Readonly<Record<string, unknown>>;
  readonly #values: Values;

  constructor(path: string, content: Readonly<Record<string, unknown>> | null, values: Values) {
    this.path = path;
    this.exists = content !== null;
    this.#content = content ?? {};
    this.#values = values;
  }

  /** A key's value, or the default when it is absent or wrong; wrong is noted as a problem. Origin goes under `path`. */
  take<K extends SettingsKey, D>(path: string, key: K, fallback: D): z.infer<Shapes[K]> | D {
    const value = this.#content[key];
    this.#values.origins[path] = value === undefined || value === null ? 'default' : `${this.path}: ${key}`;
    if (value === undefined || value === null) return fallback;
    const result = shapes[key].safeParse(value);
    if (result.success) return result.data as z.infer<Shapes[K]>;
    const { form, secret = false } = settingOf(key);
    this.#values.problems.push({ place: this.path, key, found: shownValue(value, secret), expected: form });
    return fallback;
  }

  /** A value that an environment variable may override. */
  found(key: 'ingest_tracking_db' | 'log_level' | 'use_register_zarr'): Found | null {
    const value = this.#content[key];
    if (value === undefined || value === null || value === '') return null;
    const { form, secret = false } = settingOf(key);
    if (typeof value === 'boolean' && key === 'use_register_zarr')
      return { text: String(value), place: this.path, key, secret, form };
    if (typeof value === 'string') return { text: value, place: this.path, key, secret, form };
    this.#values.problems.push({ place: this.path, key, found: shownValue(value, secret), expected: form });
    return null;
  }
}

/** Reads settings.yml. A missing file counts as empty; `given`: its path was configured, so that it must be there. */
export async function readSettings(path: string, given: boolean, values: Values): Promise<SettingsFile> {
  const problem = (found: string, expected: string, key = ''): void => {
    values.problems.push({ place: path, key, found, expected });
  };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const absent = code === 'ENOENT' || code === 'ENOTDIR';
    if (!absent) problem(`unreadable (${code})`, 'a file that this user can read');
    else if (given) problem('not there', "the importer's settings.yml (named by IMPORTER_CONFIG_PATH)");
    return new SettingsFile(path, null, values);
  }
  // YAML 1.1, as Python's loader: "yes" and "on" are booleans there.
  const document = parseDocument(text, { version: '1.1', prettyErrors: true });
  const error = document.errors[0];
  if (error) {
    problem(`no YAML (line ${error.linePos?.[0].line ?? 1}: ${error.code})`, 'YAML with one key per line');
    return new SettingsFile(path, {}, values);
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 });
  } catch {
    problem('YAML with too many aliases', 'YAML with one key per line');
  }
  if (content === null || content === undefined) return new SettingsFile(path, {}, values);
  if (typeof content !== 'object' || Array.isArray(content)) {
    problem('YAML without keys', 'YAML with one key per line');
    return new SettingsFile(path, {}, values);
  }
  return new SettingsFile(path, content as Record<string, unknown>, values);
}

/** The keys of settings.yml that are read, for the test that table and shapes agree. */
export const settingsKeys: readonly string[] = Object.keys(shapes);
export const tabledSettingsKeys: readonly string[] = settings
  .filter((s) => s.where === 'settings.yml')
  .map((s) => s.name);
