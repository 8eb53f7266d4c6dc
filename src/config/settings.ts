import { readFile } from 'node:fs/promises';
import { violations } from '../lib/json-schema.ts';
import { settingsValueSchema, type SettingsValues } from './file-schemas.ts';
import { settingOf } from './settings-table.ts';
import { shownValue, unreadable } from './problems.ts';
import type { Found, Values } from './values.ts';
import { parseWithLines, type LinedText } from './yaml-lines.ts';

/*
 * The importer's settings.yml. Keys that we do not use may stand in it and are left alone.
 */

export class SettingsFile {
  readonly path: string;
  /** False when there is no such file. */
  readonly exists: boolean;
  readonly #content: Readonly<Record<string, unknown>>;
  readonly #values: Values;
  readonly #lineOf: LinedText['lineOf'];

  constructor(
    path: string,
    content: Readonly<Record<string, unknown>> | null,
    values: Values,
    lineOf: LinedText['lineOf'] = () => null,
  ) {
    this.path = path;
    this.exists = content !== null;
    this.#content = content ?? {};
    this.#values = values;
    this.#lineOf = lineOf;
  }

  /** A key's value, or the default when it is absent or wrong; wrong is noted as a problem. Origin goes under `path`. */
  take<K extends keyof SettingsValues, D>(path: string, key: K, fallback: D): SettingsValues[K] | D {
    const value = this.#content[key];
    const absent = value === undefined || value === null;
    const line = this.#lineOf([key]);
    this.#values.origins[path] = { place: absent ? 'default' : this.path, key, line: absent ? null : line };
    if (absent) return fallback;
    if (violations(settingsValueSchema(key), value).length === 0) return value as SettingsValues[K];
    const { form, secret = false } = settingOf(key);
    this.#values.problems.push({ place: this.path, key, found: shownValue(value, secret), expected: form, line });
    return fallback;
  }

  /** A value that an environment variable may override. */
  found(key: 'ingest_tracking_db' | 'log_level' | 'use_register_zarr'): Found | null {
    const value = this.#content[key];
    if (value === undefined || value === null || value === '') return null;
    const { form, secret = false } = settingOf(key);
    const line = this.#lineOf([key]);
    if (typeof value === 'boolean' && key === 'use_register_zarr')
      return { text: String(value), place: this.path, key, line, secret, form };
    if (typeof value === 'string') return { text: value, place: this.path, key, line, secret, form };
    this.#values.problems.push({ place: this.path, key, found: shownValue(value, secret), expected: form, line });
    return null;
  }
}

/** Reads settings.yml. A missing file counts as empty; `given`: its path was configured, so that it must be there. */
export async function readSettings(path: string, given: boolean, values: Values): Promise<SettingsFile> {
  const problem = (found: string, expected: string, line: number | null = null): void => {
    values.problems.push({ place: path, key: '', found, expected, line });
  };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const absent = code === 'ENOENT' || code === 'ENOTDIR';
    if (!absent) problem(unreadable(code), 'a file that this user can read');
    else if (given) problem('not there', "the importer's settings.yml (named by IMPORTER_CONFIG_PATH)");
    return new SettingsFile(path, null, values);
  }
  const { document, errors, lineOf } = parseWithLines(text);
  const [error] = errors;
  if (error) {
    problem(`no YAML (${error.code})`, 'YAML with one key per line', error.linePos?.[0].line ?? null);
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
  return new SettingsFile(path, content as Record<string, unknown>, values, lineOf);
}
