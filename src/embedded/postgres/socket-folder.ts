import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A socket's path has room for 108 bytes, its end included; the longest name used here is `.s.PGSQL.5432.lock`. */
const longestFolder = 107 - '/.s.PGSQL.5432.lock'.length;

/**
 * A folder of mode 0700 for sockets: `sockets` in the given one, or a short one in the system's temporary folder when
 * that path would be too long for a socket. Refuses a folder that belongs to somebody else.
 */
export async function socketFolder(dataDir: string, owner: { uid: number; gid: number } | null): Promise<string> {
  const near = join(dataDir, 'sockets');
  const short = `biomero-bridge-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
  const folder = Buffer.byteLength(near) <= longestFolder ? near : join(await realpath(tmpdir()), short);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (owner && process.getuid?.() === 0) await chown(folder, owner.uid, owner.gid);
  const found = await lstat(folder);
  const uid = owner?.uid ?? process.getuid?.();
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0)
    throw new Error(`${folder} is not a folder of uid ${uid} alone (mode 0700)`);
  return folder;
}
