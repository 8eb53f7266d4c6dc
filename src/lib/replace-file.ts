import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdtemp, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from './sync-folder.ts';

/**
 * A file that is mounted by itself cannot be renamed over (EBUSY), one behind a link into another file system neither
 * (EXDEV), and beside it nothing can be made where the folder belongs to somebody else.
 */
const notBeside: ReadonlySet<string> = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

export interface Replaced {
  /** `renamed`: readers saw the old file or the new one. `in place`: the file itself was written. */
  readonly way: 'renamed' | 'in place';
  /** Copy of what stood there before, when it was written in place. */
  readonly backup: string | null;
}

/**
 * Gives a file new content, durably: written beside it, synced, renamed. Mode and owner stay. Where that is not possible
 * and the file is there, a backup is made and the file is written in place, padded to its old length, so that a reader
 * at any moment finds the old text, or the new one with white space behind it. A link is followed, never replaced.
 * Throws what the file system says; what stood there then still stands there, or in the backup named in the error.
 */
export async function replaceFile(path: string, content: string): Promise<Replaced> {
  const target = await realpath(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return path;
    throw error;
  });
  const before = await stat(target).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  try {
    await writeBeside(target, content, before);
    return { way: 'renamed', backup: null };
  } catch (error) {
    if (!before || !notBeside.has(codeOf(error))) throw error;
  }
  return { way: 'in place', backup: await writeInPlace(target, content, before) };
}

async function writeBeside(target: string, content: string | Buffer, like: Stats | null): Promise<void> {
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.new`);
  const file = await open(temporary, 'wx', like ? like.mode & 0o777 : 0o644);
  try {
    try {
      await file.writeFile(content);
      if (like) {
        const own = await file.stat();
        // Somebody else's file stays theirs; where only its owner could give it away, EPERM leads to writing in place.
        if (own.uid !== like.uid || own.gid !== like.gid) await file.chown(like.uid, like.gid);
        await file.chmod(like.mode & 0o7777);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

async function writeInPlace(target: string, content: string, before: Stats): Promise<string> {
  const old = await readFile(target);
  const file = await open(target, 'r+');
  try {
    const backup = await writeBackup(target, old, before);
    const text = Buffer.from(content);
    const padding = Buffer.alloc(Math.max(0, old.length - text.length), '\n');
    try {
      await writeAt0(file, Buffer.concat([text, padding]));
      await file.sync();
      await file.truncate(text.length);
      await file.sync();
    } catch (error) {
      await writeAt0(file, old)
        .then(() => file.truncate(old.length))
        .catch(() => undefined);
      throw new Error(`writing ${target} in place failed; what stood there is in ${backup}`, { cause: error });
    }
    return backup;
  } finally {
    await file.close();
  }
}

/** In one call where the system takes it in one, so that nobody reads a half. */
async function writeAt0(file: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, at)).bytesWritten;
}

async function writeBackup(target: string, text: Buffer, like: Stats): Promise<string> {
  const beside = `${target}.bak`;
  try {
    await writeBeside(beside, text, like);
    return beside;
  } catch (error) {
    if (!notBeside.has(codeOf(error))) throw error;
  }
  const elsewhere = join(await mkdtemp(join(tmpdir(), 'biomero-bridge-backup-')), basename(target));
  await writeBeside(elsewhere, text, null);
  return elsewhere;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
