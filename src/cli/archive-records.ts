import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readGroupMappings } from '../archive/group-mappings.ts';
import { refuseFolder } from '../archive/group-folder.ts';
import { bridgeError, printable } from '../domain/errors.ts';
import { readArchiveFiles } from '../runs/read-runs.ts';
import {
  archivesBelow,
  archivesOfRun,
  listArchives,
  restoreRecord,
  type ArchiveRecord,
  type Restored,
} from '../runs/archive-records.ts';
import { formatBytes, formatTable } from './format.ts';
import { LiveLine } from './live-line.ts';
import { openSite, type Site } from './site.ts';
import { theRun } from './status.ts';

interface DataOption {
  data: string;
  json?: boolean;
}

/** `archive list`. */
export async function archiveList(options: DataOption & { group?: string }): Promise<void> {
  await withSite(options, async (site) => {
    const records = await listArchives(site.runs, options.group ?? null);
    const there = await Promise.all(records.map((record) => isThere(record.path)));
    if (options.json)
      return JSON.stringify(
        records.map((r, i) => ({ ...r, there: there[i] })),
        null,
        2,
      );
    if (!records.length) return 'No archives are recorded. Folders that hold some: biomero-bridge archive rebuild';
    return formatTable([
      ['RUN', 'WORKFLOW', 'GROUP', 'JOB', 'FILES', 'SIZE', 'VERIFIED', 'ARCHIVE'],
      ...records.map((r, i) => [
        r.runId.slice(0, 8),
        printable(r.workflow),
        printable(r.group),
        String(r.jobId ?? ''),
        String(r.files),
        formatBytes(r.bytes),
        minute(r.verifiedAt),
        printable(r.path) + (there[i] ? '' : '  (not there)'),
      ]),
    ]);
  });
}

/** `archive show RUN`. */
export async function archiveShow(run: string, options: DataOption): Promise<void> {
  await withSite(options, async (site) => {
    const id = await theRun(site, run);
    const records = await archivesOfRun(site.runs, id);
    if (!records.length) throw bridgeError('ARCHIVE_NOT_RECORDED', { run: id });
    if (!options.json) return (await Promise.all(records.map((record) => describe(site, record)))).join('\n\n');
    const all = await Promise.all(
      records.map(async (r) => ({
        ...r,
        there: await isThere(r.path),
        list: await readArchiveFiles(site.runs, r.taskId),
      })),
    );
    return JSON.stringify(all, null, 2);
  });
}

/** `archive rebuild [PATH…]`: exit code 1 when one was skipped. */
export async function archiveRebuild(paths: string[], options: DataOption): Promise<void> {
  await withSite(options, async (site) => {
    const line = new LiveLine(process.stdout, !options.json);
    const folders = paths.length ? paths.map((path) => resolve(path)) : await storageFolders(site);
    const { paths: archives, unread } = await archivesBelow(folders);
    const all: Restored[] = [...unread];
    for (const [index, path] of archives.entries()) {
      line.show(`… ${index + 1} of ${archives.length}  ${printable(path)}`);
      all.push(await restoreRecord(site.runs, path));
    }
    process.exitCode = all.some((r) => r.state === 'skipped') ? 1 : 0;
    if (options.json) return JSON.stringify(all, null, 2);
    for (const restored of all) if (restored.state !== 'known') line.print(restoredLines(restored).join('\n'));
    return `${all.length ? `${counts(all)} below` : 'No archive was found below'} ${folders.map(printable).join(', ')}.`;
  });
}

async function withSite(options: DataOption, work: (site: Site) => Promise<string>): Promise<void> {
  const site = await openSite(options.data);
  try {
    process.stdout.write(`${await work(site)}\n`);
  } finally {
    await site.close();
  }
}

/** The storage and the folders that groups are mapped to, which may lie deeper than archives are looked for. */
async function storageFolders(site: Site): Promise<string[]> {
  const { baseDir, mappingFiles } = site.config.storage;
  const mappings = [...(await readGroupMappings(mappingFiles)).values()];
  return [baseDir, ...mappings.filter((m) => refuseFolder(m.folder) === null).map((m) => join(baseDir, m.folder))];
}

async function describe(site: Site, r: ArchiveRecord): Promise<string> {
  const files = await readArchiveFiles(site.runs, r.taskId);
  const kinds = [...new Set(files.map((f) => f.kind))].map(
    (kind) => `${files.filter((f) => f.kind === kind).length} ${kind}`,
  );
  const rows = [
    ['Archive', printable(r.path) + ((await isThere(r.path)) ? '' : '  (not there)')],
    ['Run', `${r.runId}, task ${r.taskId}`],
    ['Workflow', `${printable(r.workflow)} ${printable(r.workflowVersion)}, job ${r.jobId ?? 'unknown'}`],
    ['For', `${printable(r.user)} in ${printable(r.group)}`],
    ['Files', `${r.files} (${kinds.join(', ')}), ${formatBytes(r.bytes)}`],
    ['Manifest', `SHA-256 ${r.manifestSha256}`],
    ['Verified', minute(r.verifiedAt)],
    ['', ''],
  ];
  const list = files.map((f) => [formatBytes(f.bytes).padStart(8), f.sha256.slice(0, 12), printable(f.path)]);
  const shown = list.slice(0, 200);
  const more = list.length - shown.length;
  const rest = more > 0 ? `\n… and ${more} more; --json lists all` : '';
  return `${formatTable(rows)}\n${formatTable([['    SIZE', 'SHA-256', 'FILE'], ...shown])}${rest}`;
}

function restoredLines({ path, state, runId, reason }: Restored): string[] {
  const mark = state === 'skipped' ? '!' : '✓';
  const what = { restored: `restored as run ${runId}`, moved: `run ${runId}`, known: '', skipped: 'skipped' }[state];
  return [`${mark} ${printable(path)}`, `    ${[what, ...(reason === null ? [] : [printable(reason)])].join(': ')}`];
}

function counts(all: readonly Restored[]): string {
  const words = { restored: 'restored', moved: 'moved', known: 'known already', skipped: 'skipped' } as const;
  return Object.entries(words)
    .map(([state, word]) => [all.filter((r) => r.state === state).length, word] as const)
    .filter(([n]) => n > 0)
    .map(([n, word]) => `${n} ${word}`)
    .join(', ');
}

function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
