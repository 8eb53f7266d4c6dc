import { nearestName } from '../did-you-mean.ts';
import { readConfig } from '../load.ts';
import { settings } from '../settings-table.ts';
import type { Report } from './finding.ts';

/** Names that look like ours and are others'. */
const foreign = new Set(['OMERO_PASS', 'OMERO_HOME', 'OMERO_GROUP', 'OMERO_WEB_HOST', 'OMERO_DB_HOST']);

/** Checks a text as a file of variables: `.env` of a compose file, or an environment file of systemd. */
export async function checkEnvironmentFile(text: string, report: Report): Promise<void> {
  const { variables, lines } = readVariables(text, report);
  // What refers to other variables is known only to the program that puts them in.
  const plain = Object.fromEntries(Object.entries(variables).filter(([, value]) => !value.includes('$')));
  const { config, problems } = await readConfig(plain, []);
  for (const { place, key, found, expected } of problems)
    if (place === 'environment' && found !== '' && lines.has(key))
      report({
        line: lines.get(key) ?? null,
        key,
        level: 'error',
        reason: `it is ${found}`,
        remedy: `Give ${expected}.`,
      });
  for (const note of config.notes ?? []) {
    const name = /^[A-Z0-9_]+/.exec(note)?.[0] ?? '';
    const line = lines.get(name);
    if (line !== undefined)
      report({
        line,
        key: name,
        level: 'warning',
        reason: note.slice(name.length).trim().replace(/\.$/, ''),
        remedy: '',
      });
  }
  reportMisspelt(lines, report);
  const profiles = (variables['COMPOSE_PROFILES'] ?? '').split(',').map((profile) => profile.trim());
  const enabled = plain['IMPORTER_ENABLED']?.toLowerCase() === 'true';
  if (enabled && lines.has('COMPOSE_PROFILES') && !profiles.includes('IMPORTER_ENABLED'))
    report({
      line: lines.get('COMPOSE_PROFILES') ?? null,
      key: 'COMPOSE_PROFILES',
      level: 'warning',
      reason: 'IMPORTER_ENABLED is on, but no profile of that name is chosen, so that NL-BIOMERO starts no importer',
      remedy: "Add IMPORTER_ENABLED, unless this product's importer takes its place.",
    });
}

function reportMisspelt(lines: ReadonlyMap<string, number>, report: Report): void {
  const names = settings
    .filter((s) => s.where === 'environment' || s.where === '[SLURM]')
    .flatMap((s) => [...(s.where === 'environment' ? [s.name] : []), ...(('variables' in s && s.variables) || [])]);
  const known = new Set<string>(names.flatMap((name) => [name, `${name}_FILE`]));
  for (const [name, line] of lines) {
    if (known.has(name) || foreign.has(name) || name.startsWith('BIOMERO_BRIDGE_') || name.length < 8) continue;
    const near = nearestName(name, known, 2);
    if (near)
      report({
        line,
        key: name,
        level: 'warning',
        reason: 'there is no such setting',
        remedy: `Did you mean ${near}?`,
      });
  }
}

/** `NAME=value` a line; `export`, quotes and comments as shells and compose know them. */
function readVariables(
  text: string,
  report: Report,
): { variables: Record<string, string>; lines: Map<string, number> } {
  const variables: Record<string, string> = {};
  const lines = new Map<string, number>();
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const match = /^(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line);
    const [, name, value = ''] = match ?? [];
    const at = { line: index + 1, key: name ?? '' };
    if (name === undefined) {
      report({ ...at, level: 'error', reason: 'it is no NAME=value', remedy: 'Write one variable a line.' });
      continue;
    }
    if (lines.has(name))
      report({
        ...at,
        level: 'warning',
        reason: `it stands in line ${lines.get(name)} too`,
        remedy: 'Remove one of them.',
      });
    lines.set(name, index + 1);
    const quoted = /^(["'])(.*?)\1\s*(?:#.*)?$/.exec(value);
    variables[name] = quoted ? (quoted[2] ?? '') : value.replace(/\s+#.*$/, '');
  }
  return { variables, lines };
}
