import { fileSchemas, otherSettingsKeys, settingsKeys } from '../file-schemas.ts';
import { normaliseDatabaseUrl } from '../database-url.ts';
import { nearestName } from '../did-you-mean.ts';
import { reportViolations } from './by-schema.ts';
import type { Report } from './finding.ts';
import { parseWithLines } from '../yaml-lines.ts';

/** Checks a text as settings.yml; gives back its base_dir, where that can be used. */
export function checkSettingsYml(text: string, report: Report): { baseDir: string | null } {
  const { document, errors, lineOf } = parseWithLines(text);
  for (const error of errors)
    report({
      line: error.linePos?.[0].line ?? null,
      key: '',
      level: 'error',
      reason: `it is no YAML: ${error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? error.code}`,
      remedy: 'Write one "key: value" per line.',
    });
  if (errors.length) return { baseDir: null };
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch {
    report({
      line: null,
      key: '',
      level: 'error',
      reason: 'it refers to itself too often',
      remedy: 'Remove the aliases.',
    });
    return { baseDir: null };
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    report({ line: 1, key: '', level: 'error', reason: 'it has no keys', remedy: 'Write one "key: value" per line.' });
    return { baseDir: null };
  }
  reportViolations(fileSchemas['settings.yml'], content, lineOf, report, new Set(['ingest_tracking_db']));
  const values = content as Record<string, unknown>;
  checkKeys(values, lineOf, report);
  checkDatabase(values['ingest_tracking_db'], lineOf(['ingest_tracking_db']), report);
  const baseDir = values['base_dir'];
  return { baseDir: typeof baseDir === 'string' && baseDir.startsWith('/') ? baseDir : null };
}

function checkKeys(
  values: Record<string, unknown>,
  lineOf: (path: readonly string[]) => number | null,
  report: Report,
): void {
  const known = new Set([...settingsKeys, ...otherSettingsKeys]);
  for (const key of Object.keys(values)) {
    if (known.has(key) || key.startsWith('sample_')) continue;
    const near = nearestName(key, known);
    report({
      line: lineOf([key]),
      key,
      level: 'warning',
      reason: 'there is no such setting',
      remedy: near ? `Did you mean ${near}?` : 'Remove it, unless another program reads it.',
    });
  }
}

function checkDatabase(url: unknown, line: number | null, report: Report): void {
  if (typeof url !== 'string' || url === '') return;
  const result = normaliseDatabaseUrl(url);
  if ('wrong' in result)
    report({
      line,
      key: 'ingest_tracking_db',
      level: 'error',
      reason: `it is ${result.wrong}`,
      remedy: 'Give a PostgreSQL URL such as postgresql+psycopg2://user:password@host:5432/database.',
    });
}
