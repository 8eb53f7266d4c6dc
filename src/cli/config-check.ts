import { existsSync } from 'node:fs';
import { checkFiles } from '../config/check/check-files.ts';
import type { FileFinding } from '../config/check/finding.ts';
import type { CheckedType } from '../config/check/recognise.ts';
import { readConfig } from '../config/load.ts';
import { roles, type Role } from '../config/roles.ts';
import { problemText } from '../config/problems.ts';
import { settingOf } from '../config/settings-table.ts';
import { printable } from '../domain/errors.ts';
import { siteEnvironment } from './site.ts';

interface Options {
  as?: CheckedType;
  role?: Role[];
  json?: boolean;
  data: string;
}

/** `config check [FILE…]`: exit code 0 no error, 1 an error, 2 a file that cannot be read or recognised. */
export async function configCheck(paths: string[], options: Options): Promise<void> {
  const site = await siteFiles(options);
  const checked = paths.length ? paths : site.files;
  const { files, findings } = await checkFiles(checked, { as: options.as, baseDir: site.baseDir });
  const all = paths.length ? findings : [...site.findings(findings), ...findings];
  const errors = all.filter((f) => f.level === 'error').length;
  process.exitCode = files.some((f) => f.type === null) ? 2 : errors ? 1 : 0;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ files, findings: all }, null, 2)}\n`);
    return;
  }
  const fine = files.filter((f) => f.type && !all.some((finding) => finding.file === f.path));
  const lines = [
    ...all.map(findingText),
    ...fine.map((f) => `${f.path}: ok: ${f.type === 'environment' ? 'variables' : f.type}`),
    summary(files.length, all),
  ];
  process.stdout.write(`${lines.map(printable).join('\n')}\n`);
}

/** What the configuration of this machine names, and what is wrong with it as a whole. */
async function siteFiles(options: Options): Promise<{
  files: string[];
  baseDir: string;
  findings(ofFiles: readonly FileFinding[]): FileFinding[];
}> {
  const { env } = await siteEnvironment(options.data);
  const { config, problems } = await readConfig(env, options.role ?? roles);
  const settings = env['IMPORTER_CONFIG_PATH'] || settingOf('IMPORTER_CONFIG_PATH').default;
  const named = [settings, ...config.storage.mappingFiles, ...(config.files ?? [])];
  const files = [...new Set(named)].filter((path) => existsSync(path));
  const findings = (ofFiles: readonly FileFinding[]): FileFinding[] => [
    ...problems
      // What a file's own check says is not said twice.
      .filter((p) => !ofFiles.some((f) => f.file === p.place && f.line === (p.line ?? null)))
      .map((p): FileFinding => ({
        file: p.place,
        line: p.line ?? null,
        key: p.key,
        level: 'error',
        reason: problemText({ ...p, place: '', line: null })
          .replace(/^: /, '')
          .replace(`${p.key} `, ''),
        remedy: '',
      })),
    ...(config.notes ?? []).map((note): FileFinding => ({
      file: 'environment',
      line: null,
      key: '',
      level: 'note',
      reason: note.replace(/\.$/, ''),
      remedy: '',
    })),
  ];
  return { files, baseDir: config.storage.baseDir, findings };
}

/** `FILE:LINE: error: KEY: why. What to do.`, as compilers write, so that editors and terminals lead to the line. */
function findingText({ file, line, level, key, reason, remedy }: FileFinding): string {
  const where = line === null ? file : `${file}:${line}`;
  const end = /[.?!]$/.test(reason) ? '' : '.';
  return `${where}: ${level}: ${key ? `${key}: ` : ''}${reason}${end}${remedy ? ` ${remedy}` : ''}`;
}

function summary(files: number, findings: readonly FileFinding[]): string {
  const count = (level: FileFinding['level']): number => findings.filter((f) => f.level === level).length;
  const say = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  return `${say(files, 'file')}: ${say(count('error'), 'error')}, ${say(count('warning'), 'warning')}, ${say(count('note'), 'note')}.`;
}
