/** Fetches one file from the cluster; after a break it goes on from where it broke, in a later attempt too. */
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rm, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, isBridgeError } from '../domain/errors.ts';
import { incomplete, type FarFolder } from './far-folder.ts';
import { IdleWatch } from './idle-watch.ts';
import { storageError } from './storage-error.ts';
import type { TransferOptions } from './transfer.ts';

/** A connection that breaks so often in a row without a byte in between is left to the next attempt of the step. */
const mostBreaks = 5;

/** The cause of TRANSFER_INCOMPLETE where what has come is good, and going on later makes sense. */
export class BrokeOff extends Error {}

/**
 * Fetches `far`, which has `bytes`, to `local`; what lies there from an earlier attempt is its beginning. Gives the
 * SHA-256 of the whole. Throws TRANSFER_INCOMPLETE, STORAGE_….
 */
export async function fetchFile(
  o: TransferOptions,
  folder: FarFolder,
  far: string,
  local: string,
  bytes: number,
): Promise<string> {
  const hash = createHash('sha256');
  const file = await openBeginning(local, bytes).catch(async (error: unknown) => {
    throw await storageError(error, local, bytes);
  });
  try {
    let at = await hashFile(file, hash, o.signal).catch(async (error: unknown) => {
      o.signal.throwIfAborted();
      throw await storageError(error, local, bytes);
    });
    if (at > 0) o.log.info({ job: o.jobId, at, bytes }, 'the transfer goes on from where an earlier attempt left off');
    const take = async (data: Buffer): Promise<void> => {
      if (at + data.length > bytes) throw incomplete(folder, `more than the ${bytes} bytes of the zip came`);
      hash.update(data);
      for (let done = 0; done < data.length;)
        done += (await file.write(data, done, data.length - done, at + done)).bytesWritten;
      at += data.length;
      o.onProgress?.({ files: 0, filesTotal: 1, bytes: at, bytesTotal: bytes });
    };
    for (let breaks = 0; at < bytes;) {
      const before = at;
      const reason = await fetchPart(o, far, at, take).catch(async (error: unknown) => {
        o.signal.throwIfAborted();
        if (isBridgeError(error) && !error.code.startsWith('CLUSTER_')) throw error;
        if ((error as NodeJS.ErrnoException).syscall === 'write') throw await storageError(error, local, bytes);
        return describeError(error);
      });
      if (at === bytes) break;
      breaks = at > before ? 0 : breaks + 1;
      if (breaks >= mostBreaks)
        throw incomplete(folder, `${at} of ${bytes} bytes of the zip came: ${reason}`, new BrokeOff(reason));
      o.log.warn({ job: o.jobId, at, bytes, reason }, 'the transfer broke off and goes on from there');
      await sleep(o.retryMs ?? 1000 * 2 ** breaks, undefined, { signal: o.signal });
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

async function openBeginning(local: string, bytes: number): Promise<FileHandle> {
  const there = await lstat(local).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  // A second name for it may belong to somebody else's file.
  if (there && (!there.isFile() || there.nlink > 1 || there.size > bytes)) await rm(local, { recursive: true });
  return open(local, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666);
}

/** Gives how much there is. */
async function hashFile(file: FileHandle, hash: Hash, signal: AbortSignal): Promise<number> {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  for (let at = 0; ;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return at;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
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
