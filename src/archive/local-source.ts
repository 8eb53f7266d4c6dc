/**
 * Results on a file system that this machine has mounted too: they are read where they lie, and large ones copied by the
 * kernel, which shares their blocks where the file system can (reflink).
 */
import { constants, type Stats } from 'node:fs';
import { copyFile, lstat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { incomplete, type FarFolder, type FarList } from './far-folder.ts';
import { openBelow } from './open-below.ts';
import type { ReadSource } from './reception.ts';
import type { TarEntry } from './tar-reader.ts';

const pieceBytes = 1024 * 1024;

/**
 * The absolute path at which this machine sees the same folder as the cluster; null when it does not. Same path and
 * inode could be chance, so files have to agree in size and time as well.
 */
export async function sharedFolder(folder: FarFolder, list: FarList, signal: AbortSignal): Promise<string | null> {
  const argv = ['sh', '-c', 'cd -- "$1" && pwd -P && ls -din .', 'sh', folder.path];
  const { stdout, code } = await folder.transport.exec(argv, { signal });
  const [path = '', inode = ''] = stdout.split('\n');
  if (code !== 0 || !path.startsWith('/')) return null;
  const here = await lstat(path).catch(() => null);
  if (!here?.isDirectory() || String(here.ino) !== /^ *(\d+) /.exec(inode)?.[1]) return null;
  for (const [name, file] of [...list.files].slice(0, 10)) {
    const stats = await lstat(join(path, name)).catch(() => null);
    if (!stats?.isFile() || !agrees(stats, file)) return null;
  }
  return path;
}

/** Times are compared to the millisecond where the cluster tells them so; POSIX `ls` does not. */
function agrees(stats: Stats, file: { bytes: number; changed: string }): boolean {
  const changed = /^\d+\.\d+$/.test(file.changed) ? Number(file.changed) * 1000 : null;
  return stats.size === file.bytes && (changed === null || Math.abs(stats.mtimeMs - changed) < 1);
}

/** The listed files, in their order. */
export class LocalSource implements ReadSource {
  readonly #root: string;
  readonly #folder: FarFolder;
  readonly #left: Iterator<[string, { bytes: number; changed: string }]>;
  #file: FileHandle | null = null;
  #at = 0;
  #bytes = 0;

  constructor(root: string, folder: FarFolder, list: FarList) {
    this.#root = root;
    this.#folder = folder;
    this.#left = list.files.entries();
  }

  async next(): Promise<TarEntry | null> {
    await this.close();
    const next = this.#left.next();
    if (next.done) return null;
    const [path, listed] = next.value;
    this.#file = await openBelow(this.#root, path);
    const stats = await this.#file.stat();
    if (!agrees(stats, listed)) throw incomplete(this.#folder, `"${path}" is still being written`);
    this.#at = 0;
    this.#bytes = stats.size;
    return { name: Buffer.from(path), type: 'file', bytes: stats.size, mtime: stats.mtimeMs / 1000 };
  }

  async whole(): Promise<Buffer> {
    const data = await this.#read(this.#bytes);
    if (data.length < this.#bytes) throw incomplete(this.#folder, 'a file became shorter while it was read');
    return data;
  }

  async some(): Promise<Buffer> {
    return this.#read(Math.min(pieceBytes, this.#bytes - this.#at));
  }

  async copyTo(target: string): Promise<void> {
    if (!this.#file) throw new Error('no file is at hand');
    // By its handle: the name could be another file's by now.
    await copyFile(`/proc/self/fd/${this.#file.fd}`, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    // What is hashed and zipped is the copy itself.
    const copied = await openBelow(join(target, '..'), target.slice(target.lastIndexOf('/') + 1));
    await this.close();
    this.#file = copied;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  async #read(length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const { bytesRead = 0 } = (await this.#file?.read(buffer, done, length - done, this.#at + done)) ?? {};
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    this.#at += done;
    return buffer.subarray(0, done);
  }
}
