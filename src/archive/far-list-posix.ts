/**
 * Lists results with nothing but what POSIX promises of `find` and `ls`. Their lines are told apart by `//`, which
 * every path begins with here and no name can hold: so a line feed in a name is part of the name, never a new line.
 */
import type { FarFolder } from './far-folder.ts';

export interface PosixRecord {
  /** First letter of the mode, as `ls` has it: `-` a file, `d` a folder, `l` a link, … */
  kind: string;
  bytes: number;
  /** As `ls` tells it; to the minute. */
  changed: string;
  name: Buffer;
}

/** Sections end with NUL: what is no file and no folder, folders, files, and files as `ls` describes them. */
const script = `cd -- "$1" || exit 1
find .//. ! -type f ! -type d -exec ls -ldn {} + || exit 1; printf '\\000'
find .//. -type d -print || exit 1; printf '\\000'
find .//. -type f -print || exit 1; printf '\\000'
find .//. -type f -exec ls -ldn {} + || exit 1; printf '\\000'`;

export const posixListCommand = (path: string): string[] => ['env', 'LC_ALL=C', 'sh', '-c', script, 'sh', path];

const described = /(?:^|\n)([a-zA-Z-])\S* +\d+ +\d+ +\d+ +(\d+)(?:, +\d+)? +(\S+ +\S+ +\S+) \.\/\/\.\//g;

/**
 * Takes the answer apart; null when it cannot be read. An `ls` that shows control characters of names as question
 * marks is asked again for each such file.
 */
export async function parsePosixList(
  folder: FarFolder,
  answer: Buffer,
  signal: AbortSignal,
): Promise<PosixRecord[] | null> {
  const sections = answer.toString('latin1').split('\0');
  const [others, folders, files, descriptions] = sections;
  if (sections.length !== 5 || others === undefined || descriptions === undefined) return null;
  const odd = describe(others)[0];
  if (odd) return [{ ...odd, name: Buffer.from(odd.name.split(' -> ')[0] ?? '', 'latin1') }];
  if (others !== '') return null;
  const byName = new Map(describe(descriptions).map((found) => [found.name, found]));
  const records: PosixRecord[] = names(folders ?? '').map((name) => ({ kind: 'd', bytes: 0, changed: '', name }));
  for (const name of names(files ?? '')) {
    const found = byName.get(name.toString('latin1')) ?? (await askAgain(folder, name, signal));
    if (found?.kind !== '-') return null;
    records.push({ ...found, name });
  }
  return records;
}

interface Described {
  kind: string;
  bytes: number;
  changed: string;
  name: string;
}

function describe(text: string): Described[] {
  const found = [...text.matchAll(described)];
  return found.map((match, i) => ({
    kind: match[1] ?? '',
    bytes: Number(match[2]),
    changed: match[3] ?? '',
    name: text.slice(match.index + match[0].length, found[i + 1]?.index ?? -1),
  }));
}

function names(text: string): Buffer[] {
  if (text === '') return [];
  // The folder itself comes as `.//.`, without a slash behind it.
  const parts = `\n${text.slice(0, -1)}`.split('\n.//.').slice(1);
  return parts.filter((part) => part !== '').map((part) => Buffer.from(part.slice(1), 'latin1'));
}

async function askAgain(folder: FarFolder, name: Buffer, signal: AbortSignal): Promise<Described | null> {
  const argv = ['env', 'LC_ALL=C', 'ls', '-ldn', '--', `${folder.path}/.//./${name.toString('utf8')}`];
  const { stdout, code } = await folder.transport.exec(argv, { signal });
  const at = stdout.indexOf('.//./');
  if (code !== 0 || at < 0) return null;
  return describe(`${stdout.slice(0, at).replace(/\S+$/, '')}.//./ `)[0] ?? null;
}
