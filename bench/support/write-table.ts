import { readFileSync, writeFileSync } from 'node:fs';
import { packageFile } from '../../src/lib/package-root.ts';

const end = '<!-- end of table -->';

/** Puts what a benchmark printed into its page below `docs/reference`, between the two marks that stand there. */
export function writeTable(page: string, benchmark: string, text: string): void {
  const file = packageFile('docs', 'reference', page);
  const begin = `<!-- table: made by \`npm run ${benchmark} -- --write\` -->`;
  const old = readFileSync(file, 'utf8');
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no place for the table`);
  writeFileSync(file, `${old.slice(0, from)}${begin}\n\n${text.trim()}\n\n${old.slice(to)}`);
}
