import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { bridgeError } from '../domain/errors.ts';

export interface RunAs {
  uid: number;
  gid: number;
  name: string;
}

/** The group of nobody, for a number that has no entry: a group of the same number may be anything, such as `shadow`. */
const nogroup = 65534;

/**
 * The unprivileged user that everything runs as when we were started by root, which PostgreSQL and OMERO's importer
 * refuse to be: the one asked for, else the owner of the data folder, else `nobody`. Null when we are not root.
 *
 * @throws USER_UNKNOWN, RUN_AS_ROOT, RUN_AS_NEEDS_ROOT
 */
export function chooseRunAs(asked: string | undefined, dataFolder: string): RunAs | null {
  const self = process.getuid?.();
  if (self !== 0) {
    if (asked !== undefined && lookUp(asked)?.uid !== self) throw bridgeError('RUN_AS_NEEDS_ROOT', { user: asked });
    return null;
  }
  if (asked !== undefined) {
    const user = lookUp(asked);
    if (!user) throw bridgeError('USER_UNKNOWN', { user: asked });
    if (user.uid === 0) throw bridgeError('RUN_AS_ROOT', { user: asked });
    return user;
  }
  const owner = ownerOf(dataFolder);
  if (owner !== null && owner.uid !== 0)
    return fromPasswd(String(owner.uid)) ?? fromNameService(String(owner.uid)) ?? { ...owner, name: String(owner.uid) };
  return fromPasswd('nobody') ?? { uid: 65534, gid: nogroup, name: 'nobody' };
}

function ownerOf(folder: string): { uid: number; gid: number } | null {
  try {
    const { uid, gid } = statSync(folder);
    return { uid, gid };
  } catch {
    return null;
  }
}

/** A user by name or number; a number needs no entry anywhere, as in containers. */
function lookUp(user: string): RunAs | null {
  const found = fromPasswd(user) ?? fromNameService(user);
  if (found) return found;
  return /^\d{1,9}$/.test(user) ? { name: user, uid: Number(user), gid: nogroup } : null;
}

function fromPasswd(user: string): RunAs | null {
  let text: string;
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return null;
  }
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid && (name === user || uid === user)) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}

/** Users of a directory service (LDAP, or macOS's own), which `id` knows. */
function fromNameService(user: string): RunAs | null {
  if (!/^[\w.@\\][\w.@\\-]*$/.test(user)) return null;
  try {
    const [uid = '', gid = '', name = ''] = ['-u', '-g', '-un'].map((option) =>
      execFileSync('id', [option, user], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 10_000,
      }).trim(),
    );
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? { name, uid: Number(uid), gid: Number(gid) } : null;
  } catch {
    return null;
  }
}
