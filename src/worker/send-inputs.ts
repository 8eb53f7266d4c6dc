import { constants } from 'node:fs';
import { copyFile, mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { bridgeError, describeError } from '../domain/errors.ts';
import { packTar, type PackedFile } from '../lib/pack-tar.ts';
import { syncFolder } from '../lib/sync-folder.ts';
import type { Transport } from '../slurm/transport.ts';
import type { StepProgress } from '../runs/write-step.ts';

export interface SendOptions {
  transport: Transport;
  /** Account's home on this machine, with the local transport. */
  home: string | null;
  /** The job's data folder on the cluster, absolute or below the account's home. */
  dataPath: string;
  files: readonly PackedFile[];
  signal: AbortSignal;
  progress(progress: StepProgress): void;
}

/**
 * Brings files into `<data path>/data/in` on the cluster, beside empty `out` and `gt`. What is there with its right
 * size stays, so an interrupted transfer goes on where it was; afterwards every file is there in full.
 *
 * @returns the absolute path of the data folder
 * @throws INPUT_TRANSFER_INCOMPLETE, CLUSTER_…; all can be tried again
 */
export async function sendInputs(options: SendOptions): Promise<string> {
  const { transport, home, files } = options;
  options.progress({ filesTotal: files.length, filesDone: 0, bytesTotal: files.reduce((sum, f) => sum + f.bytes, 0) });
  if (transport.kind === 'local') return await copyHere(options, resolve(home ?? '.', options.dataPath));
  const dataPath = await makeFolders(transport, options.dataPath);
  const folder = `${dataPath}/data/in`;
  const there = await sizesIn(transport, folder, options.signal);
  const missing = files.filter((file) => there.get(file.name) !== file.bytes);
  if (missing.length) {
    await stream(options, folder, missing);
    const after = await sizesIn(transport, folder, options.signal);
    const lost = missing.filter((file) => after.get(file.name) !== file.bytes);
    if (lost.length) throw incomplete(folder, `${lost.length} files are not there in full, first ${lost[0]?.name}`);
  }
  options.progress({ filesDone: files.length, bytesDone: files.reduce((sum, f) => sum + f.bytes, 0) });
  return dataPath;
}

/** One tar stream for all: files one by one would cost a round trip each. */
async function stream(options: SendOptions, folder: string, files: readonly PackedFile[]): Promise<void> {
  let [filesDone, bytesDone] = [
    options.files.length - files.length,
    options.files.reduce((sum, f) => sum + f.bytes, 0) - files.reduce((sum, f) => sum + f.bytes, 0),
  ];
  const stdin = Readable.from(
    packTar(files, (file) => {
      filesDone++;
      bytesDone += file.bytes;
      options.progress({ filesDone, bytesDone, detail: file.name });
    }),
    { objectMode: false },
  );
  const argv = ['tar', '-x', '--no-same-owner', '--no-same-permissions', '-f', '-', '-C', folder];
  const far = options.transport.stream(argv, { stdin, signal: options.signal });
  far.stdout.resume();
  const { code, stderr } = await far.finished;
  if (code !== 0) throw incomplete(folder, stderr.trim().slice(-500) || `tar ended with ${code}`);
}

const makeScript = 'mkdir -p -- "$1/data/in" "$1/data/out" "$1/data/gt" && cd -- "$1" && pwd';

async function makeFolders(transport: Transport, dataPath: string): Promise<string> {
  const { code, stdout, stderr } = await transport.exec(['sh', '-c', makeScript, 'sh', dataPath]);
  // A login script may print lines of its own before the answer.
  const path = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (code !== 0 || !path.startsWith('/')) throw incomplete(dataPath, stderr.trim() || `mkdir ended with ${code}`);
  return path;
}

async function sizesIn(transport: Transport, folder: string, signal: AbortSignal): Promise<Map<string, number>> {
  const argv = ['find', folder, '-type', 'f', '-printf', '%s %P\\0'];
  const { code, stdout, stderr } = await transport.exec(argv, { signal, timeoutMs: 300_000 });
  if (code !== 0) throw incomplete(folder, stderr.trim() || `find ended with ${code}`);
  const records = stdout.split('\0').filter((record) => record !== '');
  return new Map(
    records.map((record) => [record.slice(record.indexOf(' ') + 1), Number(record.slice(0, record.indexOf(' ')))]),
  );
}

/** The cluster is this machine: copies, which cost nothing where the file system shares blocks. */
async function copyHere(options: SendOptions, dataPath: string): Promise<string> {
  const folder = join(dataPath, 'data', 'in');
  try {
    for (const name of ['in', 'out', 'gt']) await mkdir(join(dataPath, 'data', name), { recursive: true });
    let bytesDone = 0;
    for (const [index, file] of options.files.entries()) {
      options.signal.throwIfAborted();
      const target = join(folder, file.name);
      const there = await stat(target).catch(() => null);
      if (there?.size !== file.bytes) {
        await mkdir(dirname(target), { recursive: true });
        await copyFile(file.path, target, constants.COPYFILE_FICLONE);
      }
      bytesDone += file.bytes;
      options.progress({ filesDone: index + 1, bytesDone, detail: file.name });
    }
    await syncFolder(folder);
  } catch (error) {
    options.signal.throwIfAborted();
    throw incomplete(folder, describeError(error), error);
  }
  return dataPath;
}

function incomplete(folder: string, reason: string, cause?: unknown): Error {
  return bridgeError('INPUT_TRANSFER_INCOMPLETE', { folder, reason }, { cause });
}
