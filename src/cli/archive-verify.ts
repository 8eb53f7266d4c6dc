import { resolve } from 'node:path';
import { findArchives } from '../archive/find-archives.ts';
import { compareArchive, differenceSentence, type Difference, type Verification } from '../archive/verify.ts';
import { describeError, printable } from '../domain/errors.ts';
import { formatBytes, formatDuration } from './format.ts';
import { LiveLine } from './live-line.ts';

interface Report extends Verification {
  archive: string;
  seconds: number;
}

const marks: Readonly<Record<Verification['state'], string>> = { intact: '✓', damaged: '✗', unverifiable: '!' };
/** More are counted, and `--json` has them all. */
const shownDifferences = 50;

/**
 * `archive verify PATH…`: exit code 0 when every archive is intact, 1 when one is not, 2 when there is none or one
 * cannot be verified. Reads nothing but the folders.
 */
export async function archiveVerify(paths: string[], options: { json?: boolean }): Promise<void> {
  const line = new LiveLine(process.stdout, !options.json);
  const reports: Report[] = [];
  for (const path of paths)
    for (const archive of await archivesAt(resolve(path))) {
      const report = 'state' in archive ? archive : await verifyOne(archive.path, line);
      reports.push(report);
      if (!options.json) line.print(reportLines(report).join('\n'));
    }
  if (options.json) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  else if (reports.length > 1) line.print(`\n${countsLine(reports)}`);
  process.exitCode = exitCode(reports);
}

async function archivesAt(path: string): Promise<({ path: string } | Report)[]> {
  const nothing = (detail: string): Report[] => [
    {
      archive: path,
      seconds: 0,
      state: 'unverifiable',
      files: 0,
      bytes: 0,
      differences: [{ kind: 'unverifiable', path: '', detail }],
    },
  ];
  try {
    const found = await findArchives(path);
    return found.length ? found.map((archive) => ({ path: archive })) : nothing('is not there, nor one below it');
  } catch (error) {
    return nothing(`cannot be read: ${describeError(error)}`);
  }
}

async function verifyOne(archive: string, line: LiveLine): Promise<Report> {
  const started = performance.now();
  const verification = await compareArchive(archive, {
    onProgress: ({ files, filesTotal, bytes }) =>
      line.show(`… ${printable(archive)}  ${files} of ${filesTotal} files, ${formatBytes(bytes)}`),
  });
  return { archive, seconds: Math.round(performance.now() - started) / 1000, ...verification };
}

function reportLines(report: Report): string[] {
  const { archive, state, files, bytes, seconds, differences } = report;
  const read = `${files} ${files === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}, ${formatDuration(seconds * 1000)}`;
  const shown = differences.slice(0, shownDifferences).map(differenceLine);
  const more = differences.length - shown.length;
  const count = `${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}`;
  const word = { intact: `intact: ${read}`, damaged: `${count}; read ${read}`, unverifiable: 'cannot be verified' };
  return [
    `${marks[state]} ${printable(archive)}`,
    `    ${word[state]}`,
    ...shown,
    ...(more > 0 ? [`    … and ${more} more; --json lists all`] : []),
  ];
}

function differenceLine(difference: Difference): string {
  const { inZip } = difference;
  const rest = inZip === undefined ? '' : `; ${inZip} still has it as it was archived`;
  return `    ${printable(differenceSentence(difference) + rest)}`;
}

function countsLine(reports: readonly Report[]): string {
  const count = (state: Verification['state'], word: string): string[] => {
    const n = reports.filter((r) => r.state === state).length;
    return n > 0 ? [`${n} ${word}`] : [];
  };
  return `${[...count('intact', 'intact'), ...count('damaged', 'damaged'), ...count('unverifiable', 'that cannot be verified')].join(', ')}.`;
}

function exitCode(reports: readonly Report[]): number {
  if (reports.some((r) => r.state === 'damaged')) return 1;
  return reports.every((r) => r.state === 'intact') ? 0 : 2;
}
