import { createHash } from 'node:crypto';
import { lchown, lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';

/** A socket's path has room for 108 bytes (104 on macOS), its end included. */
const longestPath = (process.platform === 'darwin' ? 104 : 108) - 1;

/** The longest name that PostgreSQL makes in the folder. */
const longestName = '/.s.PGSQL.5432.lock';

/**
 * A folder of mode 0700 for sockets: `sockets` in the given one, or a short one in the system's temporary folder when
 * that path would be too long for a socket or holds a comma. Everybody may write in a temporary folder, so one that was there before is
 * taken only when it is a real folder of the same owner and nobody else may enter it.
 *
 * @throws SOCKET_FOLDER_UNSAFE
 */
export async function socketFolder(dataDir: string, owner: { uid: number; gid: number } | null): Promise<string> {
  const folder = await shortEnough(dataDir);
  const uid = owner?.uid ?? process.getuid?.() ?? 0;
  try {
    await mkdir(folder, { mode: 0o700 });
    // lchown: should somebody have put a link in its place meanwhile, the link is given away and refused below.
    if (owner) await lchown(folder, owner.uid, owner.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const found = await lstat(folder);
  // A start that was killed between making the folder and giving it away left it to root.
  if (owner && found.isDirectory() && found.uid === 0) await lchown(folder, owner.uid, owner.gid);
  else if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0)
    throw bridgeError('SOCKET_FOLDER_UNSAFE', { folder, uid });
  return folder;
}

async function shortEnough(dataDir: string): Promise<string> {
  const near = join(dataDir, 'sockets');
  const name = `biomero-bridge-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
  const candidates = [near, join(await realpath(tmpdir()), name), join(await realpath('/tmp'), name)];
  // libpq takes a comma in a host for a list of hosts, and knows no way to escape it.
  return candidates.find((path) => !path.includes(',') && Buffer.byteLength(path + longestName) <= longestPath) ?? near;
}
