/**
 * Results by way of a zip that the cluster makes: always a new one, fetched byte for byte, from where a broken transfer
 * left off, and unpacked here. What the cluster made is removed there again; `data/out` is never touched.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, isBridgeError } from '../domain/errors.ts';
import { firstNames, incomplete, type FarFolder, type FarList } from './far-list.ts';
import type { FarTools } from './far-tools.ts';
import { IdleWatch } from './idle-watch.ts';
import { storageError } from './storage-error.ts';
import type { StagedFile, TransferOptions } from './transfer.ts';
import { TreeWriter } from './tree-writer.ts';
import { unpackZip } from './unpack.ts';

/** As BIOMERO's `slurm_zip_cmd`, which the cluster's shell reads. */
export const defaultZipCommand = '$(command -v 7z || command -v 7za)';

/** A connection that breaks so often in a row without a byte in between is left to the next attempt of the step. */
const mostBreaks = 5;

/** Returns every file below the staging folder, the zip last. */
export async function zipThere(
  o: TransferOptions,
  folder: FarFolder,
  tools: FarTools,
  list: FarList,
): Promise<StagedFile[]> {
  const name = `.${o.jobId}_out.${randomBytes(6).toString('hex')}.zip`;
  const far = `${folder.path.slice(0, -'/out'.length)}/${name}`;
  const local = join(o.staging, `${o.jobId}_out.zip`);
  try {
    await makeZip(o, folder, name);
    const { bytes, sha256 } = await describeZip(folder, far, tools, o.signal);
    const fetched = await fetchFile(o, folder, far, local, bytes);
    if (sha256 !== null && sha256 !== fetched)
      throw incomplete(folder, `the zip made there has SHA-256 ${sha256}, what arrived has ${fetched}`);
    const out = `${o.jobId}_out/data/out`;
    await new TreeWriter(o.staging, o.staging).folder(out);
    const files = await unpackZip(local, join(o.staging, out), {
      signal: o.signal,
      ...(o.settings?.limits ? { limits: o.settings.limits } : {}),
    });
    compare(folder, list, files);
    return [
      ...files.map((file) => ({ ...file, path: `${out}/${file.path}` })),
      { path: `${o.jobId}_out.zip`, bytes, sha256: fetched },
    ];
  } finally {
    await folder.transport.exec(['rm', '-f', '--', far]).catch((error: unknown) => {
      o.log.warn({ file: far, error: describeError(error) }, 'the zip made on the cluster could not be removed');
    });
  }
}

async function makeZip(o: TransferOptions, folder: FarFolder, name: string): Promise<void> {
  const script = `cd -- "$1" && exec ${o.settings?.zipCommand || defaultZipCommand} a -y "../$2" -tzip .`;
  const made = folder.transport.stream(['sh', '-c', script, 'sh', folder.path, name], { signal: o.signal });
  let said = '';
  for await (const part of made.stdout as AsyncIterable<Buffer>) said = (said + part.toString('utf8')).slice(-1000);
  const { code, stderr } = await made.finished;
  o.signal.throwIfAborted();
  if (code !== 0)
    throw incomplete(folder, `making the zip there failed (exit ${code}): ${(stderr.trim() || said).slice(-500)}`);
}

async function describeZip(
  folder: FarFolder,
  far: string,
  tools: FarTools,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string | null }> {
  const { stdout } = await folder.transport.exec(['ls', '-ldn', '--', far], { signal });
  const bytes = /^-\S* +\d+ +\d+ +\d+ +(\d+) /.exec(stdout)?.[1];
  if (bytes === undefined) throw incomplete(folder, 'the zip made there cannot be found');
  if (!tools.sha256sum) return { bytes: Number(bytes), sha256: null };
  // Hours are not too long for a zip of terabytes.
  const sum = await folder.transport.exec(['sha256sum', '--', far], { signal, timeoutMs: 12 * 3600 * 1000 });
  return { bytes: Number(bytes), sha256: /^[0-9a-f]{64}/.exec(sum.stdout)?.[0] ?? null };
}

/** Fetches a file, after a break from where it broke off. Gives its SHA-256. */
async function fetchFile(
  o: TransferOptions,
  folder: FarFolder,
  far: string,
  local: string,
  bytes: number,
): Promise<string> {
  const hash = createHash('sha256');
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(local, flags, 0o666).catch(async (error: unknown) => {
    throw await storageError(error, local, bytes);
  });
  let at = 0;
  try {
    for (let breaks = 0; at < bytes;) {
      const before = at;
      const reason = await fetchPart(o, far, at, async (data) => {
        if (at + data.length > bytes) throw incomplete(folder, `more than the ${bytes} bytes of the zip came`);
        hash.update(data);
        for (let done = 0; done < data.length;)
          done += (await file.write(data, done, data.length - done, at + done)).bytesWritten;
        at += data.length;
        o.onProgress?.({ files: 0, filesTotal: 1, bytes: at, bytesTotal: bytes });
      }).catch(async (error: unknown) => {
        o.signal.throwIfAborted();
        if (isBridgeError(error) && !error.code.startsWith('CLUSTER_')) throw error;
        if ((error as NodeJS.ErrnoException).syscall === 'write') throw await storageError(error, local, bytes);
        return describeError(error);
      });
      if (at === bytes) break;
      breaks = at > before ? 0 : breaks + 1;
      if (breaks >= mostBreaks) throw incomplete(folder, `${at} of ${bytes} bytes of the zip came: ${reason}`);
      o.log.warn({ job: o.jobId, at, bytes, reason }, 'the transfer broke off and goes on from there');
      await sleep(o.retryMs ?? 1000 * 2 ** breaks, undefined, { signal: o.signal });
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** Reads from an offset to the end, or to where it breaks; then says why. */
async function fetchPart(
  o: TransferOptions,
  far: string,
  at: number,
  take: (data: Buffer) => Promise<void>,
): Promise<string> {
  const stream = o.transport.stream(['tail', '-c', `+${at + 1}`, far], { signal: o.signal });
  const idleMs = o.idleMs ?? 300_000;
  const idle = new IdleWatch(idleMs, () => stream.kill());
  try {
    for await (const data of idle.watch(stream.stdout as AsyncIterable<Buffer>)) await take(data);
  } catch (error) {
    stream.kill();
    stream.stdout.destroy();
    await stream.finished.catch(() => {});
    throw error;
  } finally {
    idle.stop();
  }
  const { code, stderr } = await stream.finished;
  return idle.expired ? `nothing came for ${idleMs / 1000} s` : `tail ended with ${code} ${stderr.trim().slice(-300)}`;
}

function compare(folder: FarFolder, list: FarList, files: readonly StagedFile[]): void {
  const left = new Map(list.files);
  const wrong: string[] = [];
  for (const { path, bytes } of files) {
    if (left.get(path)?.bytes !== bytes) wrong.push(path);
    left.delete(path);
  }
  wrong.push(...left.keys());
  if (wrong.length > 0)
    throw incomplete(
      folder,
      `${wrong.length} files of the zip made there are not as listed, first ${firstNames(wrong)}`,
    );
}
