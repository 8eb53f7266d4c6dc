import { Ini, type IniError } from '../ini.ts';
import { fileSchemas } from '../file-schemas.ts';
import { nearestName } from '../did-you-mean.ts';
import { normaliseDatabaseUrl } from '../database-url.ts';
import { settings } from '../settings-table.ts';
import { SlurmIni, slurmFromIni, trackingFromIni } from '../slurm-config.ts';
import { Values } from '../values.ts';
import { reportViolations } from './by-schema.ts';
import type { FileFinding, Report } from './finding.ts';

/** Keys that BIOMERO reads and that have no effect here. */
const otherKeys: Readonly<Record<string, readonly string[]>> = {
  SSH: ['inline_ssh_env'],
  SLURM: ['slurm_image_pull_via_sbatch', 'image_pull_cpus', 'image_pull_mem', 'apptainer_tmpdir', 'apptainer_cachedir'],
  ANALYTICS: ['analytics_rebuild_start_time', 'analytics_rebuild_days_ago'],
};
const sections = ['SSH', 'SLURM', 'ANALYTICS', 'CONVERTERS', 'MODELS', 'WORKFLOWS'];
const listed = ['MODELS', 'WORKFLOWS', 'CONVERTERS'];
const boolForm = 'true, yes, on, 1 or false, no, off, 0';

/** Checks a text as slurm-config.ini, by the rules of Python's ConfigParser and BIOMERO's own. */
export function checkSlurmIni(text: string, file: string, report: Report): void {
  const ini = new Ini();
  const errors: IniError[] = [];
  ini.read(text, file, errors);
  for (const { line, message } of errors)
    report({ line, key: '', level: 'error', reason: message, remedy: 'Python refuses the whole file for this line.' });

  const found: FileFinding[] = [];
  const collect: Report = (finding) => void found.push({ file, ...finding });
  reportLoaded(ini, file, collect);
  reportAgainstSchema(ini, collect);
  reportDatabase(ini, collect);
  // The loader's words come first; what the schema says about the same value adds nothing.
  const said = new Set<string>();
  for (const { file: _file, ...finding } of found) {
    const id = `${finding.line} ${finding.key}`;
    if (!said.has(id)) report(finding);
    said.add(id);
  }
  reportSections(ini, report);
  reportWorkflows(ini, report);
  reportOtherReaders(ini, report);
}

/** What the product itself would refuse. */
function reportLoaded(ini: Ini, file: string, report: Report): void {
  const values = new Values({});
  const slurm = new SlurmIni(values, ini);
  slurm.files.push(file);
  slurmFromIni(slurm);
  trackingFromIni(slurm, 'auto');
  for (const { key, line = null, found, expected } of values.problems)
    report({ line, key, level: 'error', reason: `it is ${found}`, remedy: `Give ${expected}.` });
}

function reportAgainstSchema(ini: Ini, report: Report): void {
  const content: Record<string, Record<string, string | null>> = {};
  for (const section of ini.sections()) {
    const own: Record<string, string | null> = (content[section] = {});
    for (const key of ini.ownKeys(section)) {
      try {
        own[key] = ini.get(section, key)?.value ?? null;
      } catch {
        // A reference that leads nowhere: the loader has told what it needs; here nothing more can be said.
        report({
          line: ini.lineOf(section, key),
          key: `[${section}] ${key}`,
          level: 'error',
          reason: 'it holds a "%" that is no reference to another key, or refers to one that has no value',
          remedy: 'Write "%%" for the sign itself.',
        });
      }
    }
  }
  const lineOf = ([section = '', key = '']: readonly string[]): number | null => ini.lineOf(section, key);
  const secret = new Set(['sqlalchemy_url']);
  const keyed: Report = (f) => report({ ...f, key: f.key.replace(/^([^.]+)\./, '[$1] ') });
  reportViolations(fileSchemas['slurm-config.ini'], content, lineOf, keyed, secret);
}

function reportDatabase(ini: Ini, report: Report): void {
  const url = valueOf(ini, 'ANALYTICS', 'sqlalchemy_url');
  if (!url) return;
  const result = normaliseDatabaseUrl(url);
  if ('wrong' in result)
    report({
      line: ini.lineOf('ANALYTICS', 'sqlalchemy_url'),
      key: '[ANALYTICS] sqlalchemy_url',
      level: 'error',
      reason: `it is ${result.wrong}`,
      remedy: 'Give a PostgreSQL URL such as postgresql+psycopg2://user:password@host:5432/database.',
    });
}

function reportSections(ini: Ini, report: Report): void {
  for (const section of ini.sections()) {
    const keys = ini.ownKeys(section);
    const line = keys.length ? ini.lineOf(section, keys[0] ?? '') : null;
    if (!sections.includes(section)) {
      const near = nearestName(section, sections);
      const remedy = near ? `Did you mean [${near}]? Names of sections are case-sensitive.` : 'Remove it.';
      report({ line, key: `[${section}]`, level: 'warning', reason: 'no such section is read', remedy });
      continue;
    }
    if (listed.includes(section)) continue;
    const named = settings.filter((s) => s.where === `[${section}]`).map((s) => s.name);
    const known = [...named, ...(otherKeys[section] ?? [])];
    for (const key of keys) {
      if (known.includes(key) || (section === 'SLURM' && /^sbatch_./.test(key))) continue;
      report({
        line: ini.lineOf(section, key),
        key: `[${section}] ${key}`,
        level: 'warning',
        reason: 'there is no such setting',
        remedy: remedyForUnknown(key, section, known),
      });
    }
  }
}

function remedyForUnknown(key: string, section: string, known: readonly string[]): string {
  const elsewhere = settings.find((s) => s.name === key && s.where.startsWith('[') && s.where !== `[${section}]`);
  if (elsewhere) return `It belongs in ${elsewhere.where}.`;
  const near = nearestName(key, known);
  return near ? `Did you mean ${near}?` : 'Remove it.';
}

/** BIOMERO reads [MODELS] and then [WORKFLOWS] from top to bottom. */
function reportWorkflows(ini: Ini, report: Report): void {
  const jobs = new Set<string>();
  const listing = ['MODELS', 'WORKFLOWS'].flatMap((section) => ini.ownKeys(section).map((key) => ({ section, key })));
  const folders = new Set(listing.map(({ key }) => key).filter((key) => !/_(?:repo|job|use_gpu)$|_job_/.test(key)));
  for (const { section, key } of listing) {
    const at = { line: ini.lineOf(section, key), key: `[${section}] ${key}` };
    const job = /^(.+)_job$/.exec(key)?.[1];
    if (job !== undefined) jobs.add(job);
    const flagOf = /_(?:repo|job|use_gpu)$/.test(key) ? undefined : /^(.+)_job_(.+)$/.exec(key)?.[1];
    if (flagOf !== undefined && !jobs.has(flagOf))
      report({
        ...at,
        level: 'warning',
        reason: `no ${flagOf}_job stands above it, and BIOMERO stops there`,
        remedy: `Put ${flagOf}_job above it.`,
      });
    const workflow = /^(.+)_(?:repo|job|use_gpu)$/.exec(key)?.[1];
    if (workflow !== undefined && !folders.has(workflow)) {
      const near = nearestName(workflow, folders);
      report({
        ...at,
        level: 'warning',
        reason: `no key "${workflow}" names the folder of this workflow's images`,
        remedy: near ? `Did you mean ${near}?` : `Add "${workflow} = ${workflow}".`,
      });
    }
  }
}

/** What BIOMERO, or OMERO.biomero's page for this file, takes in another way. */
function reportOtherReaders(ini: Ini, report: Report): void {
  if (ini.sections().some((section) => listed.includes(section)))
    for (const key of ini.defaultKeys())
      report({
        line: ini.lineOf('DEFAULT', key),
        key: `[DEFAULT] ${key}`,
        level: 'note',
        reason: 'BIOMERO takes each key of [DEFAULT] for a workflow and a converter, too; here it is none',
        remedy: 'Put it into the section that needs it.',
      });
  for (const { where, name, form } of settings) {
    const section = where.slice(1, -1);
    const line = ini.lineOf(section, name);
    if (form !== boolForm || line === null) continue;
    const value = valueOf(ini, section, name)?.toLowerCase() ?? '';
    const at = { line, key: `${where} ${name}` };
    if (value === '' || value === 'y' || value === 'n')
      report({
        ...at,
        level: 'warning',
        reason: `it is ${value === '' ? 'empty' : JSON.stringify(value)}, at which BIOMERO stops`,
        remedy: 'Write true or false, or remove the line.',
      });
    else if (where === '[ANALYTICS]' && ['false', 'no', 'off', '0'].includes(value))
      report({
        ...at,
        level: 'note',
        reason: "it is off, but OMERO.biomero's admin page shows any text as on, and may save it so",
        remedy: 'Look at it again after somebody saved that page.',
      });
  }
  for (const name of ['image_pull_cpus', 'image_pull_mem'])
    if (ini.lineOf('SLURM', name) !== null && !valueOf(ini, 'SLURM', name))
      report({
        line: ini.lineOf('SLURM', name),
        key: `[SLURM] ${name}`,
        level: 'note',
        reason: 'it is empty, and BIOMERO then asks Slurm for an empty amount when it pulls images with sbatch',
        remedy: 'Remove the line to have its default.',
      });
}

function valueOf(ini: Ini, section: string, key: string): string | null {
  try {
    return ini.get(section, key)?.value?.trim() ?? null;
  } catch {
    return null;
  }
}
