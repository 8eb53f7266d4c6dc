import { fileSchemas } from '../file-schemas.ts';
import { nearestName } from '../did-you-mean.ts';
import { refuseFolder } from '../../archive/group-folder.ts';
import { reportViolations } from './by-schema.ts';
import type { Report } from './finding.ts';
import { parseWithLines, type LinedText } from '../yaml-lines.ts';

/** Checks a text as biomero-config.json or group-mappings.json, without a look at the storage. */
export function checkJsonFile(
  text: string,
  type: 'biomero-config.json' | 'group-mappings.json',
  report: Report,
): { lineOf: LinedText['lineOf'] } {
  const lined = parseWithLines(text.replace(/^\uFEFF/, ''));
  const { lineOf } = lined;
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    reportSyntax(text, lined, error as Error, report);
    return { lineOf };
  }
  for (const { code, linePos } of lined.document.errors)
    if (code === 'DUPLICATE_KEY')
      report({
        line: linePos?.[0].line ?? null,
        key: '',
        level: 'warning',
        reason: 'a key stands twice, and only the last one counts',
        remedy: 'Remove one of them.',
      });
  // Whoever keeps the mappings in the other form is understood too.
  const wrapped = typeof content === 'object' && content !== null && Object.hasOwn(content, 'group_mappings');
  reportViolations(fileSchemas[wrapped ? 'biomero-config.json' : type], content, lineOf, report);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return { lineOf };
  const object = content as Record<string, unknown>;
  if (type === 'biomero-config.json') checkConfigKeys(object, lineOf, report);
  const prefix = wrapped ? ['group_mappings'] : [];
  if (wrapped || type === 'group-mappings.json')
    checkFolders(wrapped ? object['group_mappings'] : object, prefix, lineOf, report);
  return { lineOf };
}

function reportSyntax(text: string, { document, lineAt }: LinedText, error: Error, report: Report): void {
  const position = /at position (\d+)/.exec(error.message)?.[1];
  const line = position === undefined ? (document.errors[0]?.linePos?.[0].line ?? null) : lineAt(Number(position));
  const reason =
    text.trim() === '' ? 'it is empty' : `it is no JSON: ${error.message.replace(/ in JSON at position.*/, '')}`;
  report({ line, key: '', level: 'error', reason, remedy: 'Correct it there, or a little before.' });
}

function checkConfigKeys(
  content: Record<string, unknown>,
  lineOf: (path: readonly string[]) => number | null,
  report: Report,
): void {
  const known = Object.keys(fileSchemas['biomero-config.json'].properties ?? {});
  for (const key of Object.keys(content)) {
    const near = known.includes(key) ? null : nearestName(key, known);
    // Others of OMERO.biomero's keys are not ours to know.
    if (near)
      report({
        line: lineOf([key]),
        key,
        level: 'warning',
        reason: 'no such key is known',
        remedy: `Did you mean ${near}?`,
      });
  }
  const containers = content['PREPROCESSING_CONFIG'];
  const map = content['PREPROCESSING_EXTENSION_MAP'];
  if (!isObject(containers) || !isObject(map)) return;
  for (const [ending, name] of Object.entries(map)) {
    if (typeof name !== 'string' || Object.hasOwn(containers, name)) continue;
    const near = nearestName(name, Object.keys(containers));
    report({
      line: lineOf(['PREPROCESSING_EXTENSION_MAP', ending]),
      key: `PREPROCESSING_EXTENSION_MAP.${ending}`,
      level: 'error',
      reason: `PREPROCESSING_CONFIG has no ${JSON.stringify(name)}`,
      remedy: near ? `Did you mean ${near}?` : 'Name one of its entries, or add it there.',
    });
  }
}

/** What the names alone tell. */
function checkFolders(
  entries: unknown,
  prefix: readonly string[],
  lineOf: (path: readonly string[]) => number | null,
  report: Report,
): void {
  if (!isObject(entries)) return;
  for (const [key, entry] of Object.entries(entries)) {
    const folder = isObject(entry) ? entry['folder'] : null;
    const refusal = typeof folder === 'string' && folder !== '' ? refuseFolder(folder) : null;
    const path = [...prefix, key, 'folder'];
    if (refusal !== null)
      report({
        line: lineOf(path),
        key: path.join('.'),
        level: 'error',
        reason: `it is ${JSON.stringify(folder)}: ${refusal}`,
        remedy: 'Give a folder relative to base_dir.',
      });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
