import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
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
  readonly #lines: ReadonlyMap<string, number>;

  constructor(
    path: string,
    content: Readonly<Record<string, unknown>> | null,
    values: Values,
    lines: ReadonlyMap<string, number> = new Map(),
  ) {
    this.path = path;
    this.exists = content !== null;
    this.#content = content ?? {};
    this.#values = values;
    this.#lines = lines;
  }

  /** A key's value, or the default when it is absent or wrong; wrong is noted as a problem. Origin goes under `path`. */
  take<K extends SettingsKey, D>(path: string, key: K, fallback: D): z.infer<Shapes[K]> | D {
    const value = this.#content[key];
    const absent = value === undefined || value === null;
    const line = this.#lines.get(key) ?? null;
    this.#values.origins[path] = { place: absent ? 'default' : this.path, key, line: absent ? null : line };
    if (absent) return fallback;
    const result = shapes[key].safeParse(value);
    if (result.success) return result.data as z.infer<Shapes[K]>;
    const { form, secret = false } = settingOf(key);
    this.#values.problems.push({ place: this.path, key, found: shownValue(value, secret), expected: form, line });
    return fallback;
  }

  /** A value that an environment variable may override. */
  found(key: 'ingest_tracking_db' | 'log_level' | 'use_register_zarr'): Found | null {
    const value = this.#content[key];
    if (value === undefined || value === null || value === '') return null;
    const { form, secret = false } = settingOf(key);
    const line = this.#lines.get(key) ?? null;
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
    if (!absent) problem(`unreadable (${code})`, 'a file that this user can read');
    else if (given) problem('not there', "the importer's settings.yml (named by IMPORTER_CONFIG_PATH)");
    return new SettingsFile(path, null, values);
  }
  // YAML 1.1, as Python's loader: "yes" and "on" are booleans there.
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: '1.1', prettyErrors: true, lineCounter });
  const error = document.errors[0];
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
  return new SettingsFile(path, content as Record<string, unknown>, values, linesOf(document.contents, lineCounter));
}

/** Line of each key. */
function linesOf(contents: unknown, counter: LineCounter): Map<string, number> {
  const lines = new Map<string, number>();
  if (isMap(contents))
    for (const { key } of contents.items)
      if (isScalar(key) && key.range) lines.set(String(key.value), counter.linePos(key.range[0]).line);
  return lines;
}

/** The keys of settings.yml that are read, for the test that table and shapes agree. */
export const settingsKeys: readonly string[] = Object.keys(shapes);
export const tabledSettingsKeys: readonly string[] = settings
  .filter((s) => s.where === 'settings.yml')
  .map((s) => s.name);
