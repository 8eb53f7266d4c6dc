/** Checks configuration files as their readers here and in BIOMERO take them: every problem, with its line. */
import { readFile } from 'node:fs/promises';
import { checkGroupMappings } from '../../archive/check-group-mappings.ts';
import { mergeMappings, readMappingFiles } from '../../archive/group-mappings.ts';
import { describeError, isBridgeError } from '../../domain/errors.ts';
import { unreadable } from '../problems.ts';
import { checkEnvironmentFile } from './check-environment.ts';
import { checkJsonFile } from './check-json.ts';
import { checkSettingsYml } from './check-settings-yml.ts';
import { checkSlurmIni } from './check-slurm-ini.ts';
import { reportTo, type FileFinding } from './finding.ts';
import { recognise, type CheckedType } from './recognise.ts';
import type { LinedText } from '../yaml-lines.ts';

export interface CheckedFile {
  readonly path: string;
  /** Null when it could not be read or recognised. */
  readonly type: CheckedType | null;
}

export interface CheckedFiles {
  readonly files: readonly CheckedFile[];
  readonly findings: readonly FileFinding[];
}

/**
 * @param options.as what the files are, where their names and contents do not tell
 * @param options.baseDir the storage that folders of mappings are looked for in; that of a settings.yml among the files wins
 */
export async function checkFiles(
  paths: readonly string[],
  options: { as?: CheckedType; baseDir?: string | null } = {},
): Promise<CheckedFiles> {
  const files: CheckedFile[] = [];
  const findings: FileFinding[] = [];
  const mappings = new Map<string, LinedText['lineOf']>();
  let baseDir = options.baseDir ?? null;
  for (const path of paths) {
    const report = reportTo(findings, path);
    const text = await readText(path);
    const type = 'text' in text ? (options.as ?? recognise(path, text.text)) : null;
    files.push({ path, type });
    if ('wrong' in text) report({ line: null, key: '', level: 'error', reason: text.wrong, remedy: '' });
    else if (type === 'settings.yml') baseDir = checkSettingsYml(text.text, report).baseDir ?? baseDir;
    else if (type === 'slurm-config.ini') checkSlurmIni(text.text, path, report);
    else if (type === 'environment') await checkEnvironmentFile(text.text, report);
    else if (type) mappings.set(path, checkJsonFile(text.text, type, report).lineOf);
    else
      report({
        line: null,
        key: '',
        level: 'error',
        reason: 'it is none of the files that are known, by its name or by what stands in it',
        remedy: 'Say what it is with --as.',
      });
  }
  findings.push(...(await checkStorage(mappings, findings, baseDir)));
  return { files, findings: inOrder(paths, findings) };
}

/** The mappings together, as they count, against the storage. */
async function checkStorage(
  files: ReadonlyMap<string, LinedText['lineOf']>,
  findings: readonly FileFinding[],
  baseDir: string | null,
): Promise<FileFinding[]> {
  const sound = [...files.keys()].filter((path) => !findings.some((f) => f.file === path && f.level === 'error'));
  if (!sound.length) return [];
  try {
    const read = await readMappingFiles(sound);
    const mappings = mergeMappings(read);
    if (!mappings.size) return [];
    if (baseDir === null) throw new Error('base_dir is not known');
    const found = await checkGroupMappings({ baseDir }, mappings);
    return found.map(({ key, level, reason, remedy, folder }) => {
      const file = mappings.get(key)?.file ?? '';
      const path = [
        ...(read.find((f) => f.path === file)?.form === 'wrapped' ? ['group_mappings'] : []),
        key,
        'folder',
      ];
      const line = files.get(file)?.(path) ?? null;
      return { file, line, key: path.join('.'), level, reason: `it is ${JSON.stringify(folder)}: ${reason}`, remedy };
    });
  } catch (error) {
    const reason = `its folders were not looked for: ${describeError(error)}`;
    const remedy = isBridgeError(error) ? error.remedy : 'Give settings.yml among the files.';
    return sound.slice(-1).map((file) => ({ file, line: null, key: '', level: 'note', reason, remedy }));
  }
}

async function readText(path: string): Promise<{ text: string } | { wrong: string }> {
  try {
    return { text: await readFile(path, 'utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { wrong: code === 'EISDIR' ? `it is ${unreadable(code)}` : `it cannot be read: ${describeError(error)}` };
  }
}

function inOrder(paths: readonly string[], findings: readonly FileFinding[]): FileFinding[] {
  return [...findings].sort((a, b) => paths.indexOf(a.file) - paths.indexOf(b.file) || (a.line ?? 0) - (b.line ?? 0));
}
