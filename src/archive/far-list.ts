/** What lies in a job's `data/out` on the cluster, asked with GNU's `find` or what POSIX has. Reads only. */
import type { Readable } from 'node:stream';
import { bridgeError, isBridgeError } from '../domain/errors.ts';
import type { Transport } from '../slurm/transport.ts';
import { parsePosixList, posixListCommand } from './far-list-posix.ts';
import { checkEntryName, EntryTree, showName } from './entry-name.ts';
import { parseTools, toolsScript, type FarTools } from './far-tools.ts';
import { defaultLimits } from './unpack.ts';

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
  /** A list, manifest or table of checksums may be so long: it is held in memory. */
  mostListBytes: number;
}

/** What a name of usual length, with size and time, takes at most in a list. */
const bytesPerEntry = 512;

/** The results folder of a job; refuses data paths that would be taken for an option or hold control characters. */
export function resultsFolder(
  transport: Transport,
  dataPath: string,
  jobId: number,
  mostEntries = defaultLimits.entries,
): FarFolder {
  // oxlint-disable-next-line no-control-regex
  if (dataPath === '' || dataPath.startsWith('-') || /[\u0000-\u001f\u007f]/.test(dataPath))
    throw bridgeError('ARCHIVE_ID_INVALID', { what: 'data path', value: dataPath });
  const mostListBytes = Math.max(1024 * 1024, mostEntries * bytesPerEntry);
  return { transport, path: `${dataPath.replace(/\/+$/, '')}/data/out`, jobId, mostListBytes };
}

/**
 * Lists the results; null when the folder is not there. Links and everything else that is no file or folder are
 * refused by name: a link could make us read whatever the cluster account can read.
 */
export async function listResults(
  folder: FarFolder,
  { out, tools }: FarLook,
  signal: AbortSignal,
): Promise<FarList | null> {
  if (out === '-') return null;
  if (out === 'l') throw refused(folder, 'data/out', 'it is a symbolic link');
  if (out !== 'd') throw refused(folder, 'data/out', 'it is not a folder');
  if (tools.gnuFind) {
    const argv = ['find', folder.path, '-mindepth', '1', '-printf', '%y\\t%s\\t%T@\\t%P\\0'];
    return parseList(folder, await collectOutput(folder, argv, signal));
  }
  const answer = await collectOutput(folder, posixListCommand(folder.path), signal);
  const records = await parsePosixList(folder, answer, signal);
  if (!records) throw incomplete(folder, 'their list cannot be read');
  const list = new ListBuilder(folder);
  for (const { kind, name, bytes, changed } of records) list.add(kind === '-' ? 'f' : kind, name, bytes, changed);
  return list.list;
}

/**
 * Sizes by name that the job itself wrote as its last act to `data/out.manifest`: records `<bytes> <path>`, each ended
 * by a NUL. Null when there is none, or one in another form, which is then nothing to us.
 */
export async function readJobManifest(
  folder: FarFolder,
  { manifest }: FarLook,
  signal: AbortSignal,
): Promise<Map<string, number> | null> {
  // Not through a link: what it holds is shown in messages.
  if (manifest !== 'f') return null;
  const bytes = await collectOutput(folder, ['cat', `${folder.path}.manifest`], signal);
  if (bytes.length > 0 && bytes.at(-1) !== 0) return null;
  const sizes = new Map<string, number>();
  for (const record of bytes.toString('utf8').split('\0').slice(0, -1)) {
    const [, size, path] = /^(\d{1,15}) (.+)$/s.exec(record) ?? [];
    if (size === undefined || path === undefined) return null;
    sizes.set(path, Number(size));
  }
  return sizes;
}

/** Files of the job's manifest that the list lacks or has in another size. */
export function missingFrom(list: FarList, manifest: Map<string, number>): string[] {
  return [...manifest].filter(([path, bytes]) => list.files.get(path)?.bytes !== bytes).map(([path]) => path);
}

const kindsScript = `for name in "$1" "$1/out" "$1/out.manifest"; do
if [ -h "$name" ]; then echo l; elif [ -d "$name" ]; then echo d; elif [ -f "$name" ]; then echo f
elif [ -e "$name" ]; then echo o; else echo -; fi; done`;

/** What is there, and by which programs it can be had. */
export interface FarLook {
  /** What `data/out` is: d(irectory), f(ile), l(ink), o(ther), or `-` when not there. */
  out: string;
  /** The same of the job's manifest. */
  manifest: string;
  tools: FarTools;
}

/** Looks at the results' folder and asks for the programs there, in one call. */
export async function lookAtResults(folder: FarFolder, signal: AbortSignal): Promise<FarLook> {
  const data = folder.path.slice(0, -'/out'.length);
  const argv = ['sh', '-c', `${kindsScript}\n${toolsScript}`, 'sh', data];
  const { stdout, stderr, code } = await folder.transport.exec(argv, { signal });
  const [kind, out = '', manifest = '', ...tools] = stdout.split('\n');
  if (code !== 0 || manifest === '')
    throw incomplete(folder, `looking at them failed (exit ${code}): ${stderr.trim().slice(-500)}`);
  if (kind === 'l') throw refused(folder, 'data', 'it is a symbolic link');
  return { out, manifest, tools: parseTools(tools) };
}

/** What a command there writes; an exit code other than 0 is TRANSFER_INCOMPLETE, too much of it ARCHIVE_LIMIT. */
export async function collectOutput(folder: FarFolder, argv: string[], signal: AbortSignal): Promise<Buffer> {
  const far = folder.transport.stream(argv, { signal });
  const bytes = await collect(folder, far.stdout).catch((error: unknown) => {
    far.kill();
    far.stdout.destroy();
    return { error };
  });
  const { code, stderr } = await far.finished;
  signal.throwIfAborted();
  if (!Buffer.isBuffer(bytes) && isBridgeError(bytes.error)) throw bytes.error;
  if (Buffer.isBuffer(bytes) && code === 0) return bytes;
  throw incomplete(folder, `${argv[0]} ended early (exit ${code ?? 'by a signal'}): ${stderr.trim().slice(-500)}`);
}

function parseList(folder: FarFolder, found: Buffer): FarList {
  const list = new ListBuilder(folder);
  for (let at = 0; at < found.length;) {
    const end = found.indexOf(0, at);
    if (end < 0) throw incomplete(folder, 'their list is cut off');
    const tabs = [0, 0, 0];
    for (let i = 0, from = at; i < 3; i++) {
      const tab = found.indexOf(9, from);
      if (tab < 0 || tab > end) throw incomplete(folder, 'their list cannot be read');
      tabs[i] = tab;
      from = tab + 1;
    }
    const [first = 0, second = 0, third = 0] = tabs;
    const kind = found.toString('latin1', at, first);
    const bytes = Number(found.toString('latin1', first + 1, second));
    list.add(kind, found.subarray(third + 1, end), bytes, found.toString('latin1', second + 1, third));
    at = end + 1;
  }
  return list.list;
}

/** Takes what was listed, one by one, and refuses what does not belong into results. */
class ListBuilder {
  readonly list: FarList = { files: new Map(), folders: new Set(), bytes: 0 };
  readonly #folder: FarFolder;
  readonly #tree = new EntryTree();

  constructor(folder: FarFolder) {
    this.#folder = folder;
  }

  /** `kind`: a letter as `find -printf %y` has them. */
  add(kind: string, raw: Buffer, bytes: number, changed: string): void {
    const refuse = (reason: string): Error => refused(this.#folder, showName(raw), reason);
    if (kind !== 'f' && kind !== 'd') throw refuse(`it is a ${kindNames[kind] ?? 'special file'}`);
    const name = checkEntryName(raw);
    if (name.refused !== undefined) throw refuse(name.refused);
    const conflict = this.#tree.add(name.path, kind === 'f' ? 'file' : 'folder');
    if (conflict !== null) throw refuse(conflict);
    if (kind === 'd') this.list.folders.add(name.path);
    else {
      this.list.files.set(name.path, { bytes, changed });
      this.list.bytes += bytes;
    }
  }
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

async function collect(folder: FarFolder, stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > folder.mostListBytes)
      throw bridgeError('ARCHIVE_LIMIT', {
        file: `${folder.path} on the cluster`,
        entry: 'data/out',
        reason: `the list of its entries is longer than ${folder.mostListBytes} bytes`,
      });
    parts.push(part);
  }
  return Buffer.concat(parts);
}
