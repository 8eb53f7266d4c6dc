import { readFileSync, statSync } from 'node:fs';
import { bridgeError } from '../domain/errors.ts';

export interface RunAs {
  uid: number;
  gid: number;
  name: string;
}

/**
 * The unprivileged user that everything runs as when we were started by root, which PostgreSQL and OMERO's importer
 * refuse to be: the one asked for, else the owner of the data folder, else `nobody`. Null when we are not root.
 *
 * @throws USER_UNKNOWN
 */
export function chooseRunAs(asked: string | undefined, dataFolder: string): RunAs | null {
  if (process.getuid?.() !== 0) return null;
  if (asked !== undefined) {
    const user = lookUp(asked);
    if (!user || user.uid === 0) throw bridgeError('USER_UNKNOWN', { user: asked });
    return user;
  }
  const owner = ownerOf(dataFolder);
  if (owner !== null && owner.uid !== 0) return lookUp(String(owner.uid)) ?? { ...owner, name: String(owner.uid) };
  return lookUp('nobody') ?? { uid: 65534, gid: 65534, name: 'nobody' };
}

function ownerOf(folder: string): { uid: number; gid: number } | null {
  try {
    const { uid, gid } = statSync(folder);
    return { uid, gid };
  } catch {
    return null;
  }
}

/** A line of /etc/passwd by name or number. */
function lookUp(user: string): RunAs | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid && (name === user || uid === user)) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return /^\d+$/.test(user) ? { name: user, uid: Number(user), gid: Number(user) } : null;
}
