/** What lies in a job's `data/out` on the cluster, asked with `find` (GNU, as on every Slurm cluster). Reads only. */
import type { Readable } from 'node:stream';
import { bridgeError, isBridgeError } from '../domain/errors.ts';
import type { Transport } from '../slurm/transport.ts';
import { checkEntryName, EntryTree, showName } from './entry-name.ts';

export interface FarFile {
  bytes: number;
  /** Time of the last change, as the far side tells it: only compared. */
  changed: string;
}

export interface FarList {
  /** Files by their path below the folder. */
  files: Map<string, FarFile>;
  folders: Set<string>;
  bytes: number;
}

export interface FarFolder {
  transport: Transport;
  /** `<data path>/data/out`. */
  path: string;
  jobId: number;
}

/** The results folder of a job; refuses data paths that would be taken for an option or hold control characters. */
export function resultsFolder(transport: Transport, dataPath: string, jobId: number): FarFolder {
  // oxlint-disable-next-line no-control-regex
  if (dataPath === '' || dataPath.startsWith('-') || /[\u0000-\u001f\u007f]/.test(dataPath))
    throw bridgeError('ARCHIVE_ID_INVALID', { what: 'data path', value: dataPath });
  return { transport, path: `${dataPath.replace(/\/+$/, '')}/data/out`, jobId };
}

/**
 * Lists the results; null when the folder is not there. Links and everything else that is no file or folder are
 * refused by name: a link could make us read whatever the cluster account can read.
 */
export async function listResults(folder: FarFolder, signal: AbortSignal): Promise<FarList | null> {
  const parent = folder.path.slice(0, -'/out'.length);
  const kinds = await folder.transport.exec(['find', parent, folder.path, '-maxdepth', '0', '-printf', '%y'], {
    signal,
    env: { LC_ALL: 'C' },
  });
  if (kinds.stdout.includes('l')) throw refused(folder, 'data/out', 'it is a symbolic link');
  if (kinds.code === 1 && kinds.stderr.includes('No such file or directory')) return null;
  if (kinds.code !== 0) throw incomplete(folder, `listing them failed (exit ${kinds.code}): ${kinds.stderr.trim()}`);
  if (kinds.stdout !== 'dd') throw refused(folder, 'data/out', 'it is not a folder');

  const argv = ['find', folder.path, '-mindepth', '1', '-printf', '%y\\t%s\\t%T@\\t%P\\0'];
  const far = folder.transport.stream(argv, { signal });
  const output = await collect(far.stdout).catch((error: unknown) => ({ error }));
  const { code, stderr } = await far.finished;
  signal.throwIfAborted();
  if (!Buffer.isBuffer(output) || code !== 0)
    throw incomplete(folder, `listing them ended early (exit ${code ?? 'by a signal'}): ${stderr.trim().slice(-500)}`);
  return parseList(folder, output);
}

function parseList(folder: FarFolder, output: Buffer): FarList {
  const list: FarList = { files: new Map(), folders: new Set(), bytes: 0 };
  const tree = new EntryTree();
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(0, at);
    if (end < 0) throw incomplete(folder, 'their list is cut off');
    const tabs = [0, 0, 0];
    for (let i = 0, from = at; i < 3; i++) {
      const tab = output.indexOf(9, from);
      if (tab < 0 || tab > end) throw incomplete(folder, 'their list cannot be read');
      tabs[i] = tab;
      from = tab + 1;
    }
    const [first = 0, second = 0, third = 0] = tabs;
    const kind = output.toString('latin1', at, first);
    const raw = output.subarray(third + 1, end);
    if (kind !== 'f' && kind !== 'd')
      throw refused(folder, showName(raw), `it is a ${kindNames[kind] ?? 'special file'}`);
    const name = checkEntryName(raw);
    if (name.refused !== undefined) throw refused(folder, showName(raw), name.refused);
    const conflict = tree.add(name.path, kind === 'f' ? 'file' : 'folder');
    if (conflict !== null) throw refused(folder, showName(raw), conflict);
    const bytes = Number(output.toString('latin1', first + 1, second));
    if (kind === 'd') list.folders.add(name.path);
    else {
      list.files.set(name.path, { bytes, changed: output.toString('latin1', second + 1, third) });
      list.bytes += bytes;
    }
    at = end + 1;
  }
  return list;
}

const kindNames: Record<string, string> = {
  l: 'symbolic link',
  b: 'device',
  c: 'device',
  p: 'named pipe',
  s: 'socket',
};

/** How two lists differ, for people; null when they are the same. */
export function differenceOf(before: FarList, after: FarList): string | null {
  const changed: string[] = [];
  for (const [path, file] of after.files) {
    const was = before.files.get(path);
    if (was?.bytes !== file.bytes || was.changed !== file.changed) changed.push(path);
  }
  for (const path of before.files.keys()) if (!after.files.has(path)) changed.push(path);
  if (changed.length === 0) return null;
  return `${changed.length} of ${after.files.size} files changed meanwhile, first ${firstNames(changed)}`;
}

export function firstNames(names: string[]): string {
  return `${names.slice(0, 3).map(showName).join(', ')}${names.length > 3 ? ', …' : ''}`;
}

export function refused(folder: FarFolder, entry: string, reason: string): Error {
  return bridgeError('ARCHIVE_ENTRY_REFUSED', { entry, reason, where: `${folder.path} on the cluster` });
}

export function incomplete(folder: FarFolder, reason: string, cause?: unknown): Error {
  if (isBridgeError(cause)) return cause;
  return bridgeError('TRANSFER_INCOMPLETE', { job: folder.jobId, folder: folder.path, reason }, { cause });
}

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}
