/** SHA-256 taken by the cluster itself, compared with what arrived. */
import { showName } from './entry-name.ts';
import { firstNames, incomplete, type FarFolder } from './far-folder.ts';
import { collectOutput } from './far-list.ts';

// As in the list: no name can hold `//`, so a line feed in a name is part of the name.
const script = 'cd -- "$1" && find .//. -type f -exec sha256sum {} +';
const record = /(?:^|\n)(\\?)([0-9a-f]{64}) [ *]\.\/\/\.\//g;

/** Compares; `hashes` by path below the folder. Throws TRANSFER_INCOMPLETE. */
export async function compareChecksums(
  folder: FarFolder,
  hashes: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const argv = ['env', 'LC_ALL=C', 'sh', '-c', script, 'sh', folder.path];
  const text = (await collectOutput(folder, argv, signal)).toString('latin1');
  const found = [...text.matchAll(record)];
  const left = new Map(hashes);
  const wrong: string[] = [];
  for (const [i, match] of found.entries()) {
    const raw = text.slice(match.index + match[0].length, found[i + 1]?.index ?? -1);
    const bytes = match[1] ? raw.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : c)) : raw;
    const path = Buffer.from(bytes, 'latin1').toString('utf8');
    if (left.get(path) !== match[2]) wrong.push(path);
    left.delete(path);
  }
  wrong.push(...left.keys());
  if (wrong.length > 0)
    throw incomplete(
      folder,
      `${wrong.length} files have another SHA-256 there than what arrived, first ${firstNames(wrong.map(showName))}`,
    );
}
