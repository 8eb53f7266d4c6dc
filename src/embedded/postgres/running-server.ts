import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { identifyProcess, isAlive, killProcess, type ProcessIdentity } from '../../lib/process-identity.ts';

/** What `postmaster.pid` of a cluster tells. */
export interface PidFile {
  pid: number;
  dataDir: string;
  /** Folder of the unix socket; empty while the server has not made it yet. */
  sockets: string;
}

/** Reads `postmaster.pid`; null when there is none, or nothing that a server wrote. */
export function readPidFile(cluster: string): PidFile | null {
  let text: string;
  try {
    text = readFileSync(join(cluster, 'postmaster.pid'), 'utf8');
  } catch {
    return null;
  }
  // Lines: pid, data folder, start time, port, socket folder, address, shared memory key, state.
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 0 ? { pid, dataDir: lines[1] ?? '', sockets: lines[4] ?? '' } : null;
}

/** The living server of this very cluster. A pid file whose number another program has by now names no server. */
export function findRunningServer(cluster: string): ProcessIdentity | null {
  const file = readPidFile(cluster);
  const identity = file && identifyProcess(file.pid);
  if (!identity || !isPostgres(identity)) return null;
  return (worksIn(identity.pid, cluster) ?? samePath(file.dataDir, cluster)) ? identity : null;
}

/**
 * Server processes whose postmaster was killed: they end by themselves when they next wait for something, but one in
 * the middle of a long query holds the cluster until then. Only Linux lets us find them.
 */
export function findOrphans(cluster: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && worksIn(Number(name), cluster) === true)
    .flatMap((name) => identifyProcess(Number(name)) ?? [])
    .filter(isPostgres);
}

/**
 * Ends a server: SIGINT is the fast shutdown (sessions are cut, everything committed is written), SIGQUIT leaves the
 * rest to recovery at the next start, SIGKILL is for one that takes no signal. Resolves when it is gone.
 */
export async function stopServer(identity: ProcessIdentity, graceMs = 20_000): Promise<void> {
  for (const [signal, withinMs] of [
    ['SIGINT', graceMs],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 10_000],
  ] as const) {
    if (!killProcess(identity, signal)) return;
    const deadline = Date.now() + withinMs;
    while (Date.now() < deadline) {
      if (!isAlive(identity)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  throw new Error(`PostgreSQL (process ${identity.pid}) does not end`);
}

/** PostgreSQL works in its data folder. Null where the system does not tell. */
function worksIn(pid: number, cluster: string): boolean | null {
  if (process.platform !== 'linux') return null;
  try {
    // Compared by inode: a folder that was moved while the server ran is still the same.
    const [theirs, ours] = [statSync(`/proc/${pid}/cwd`), statSync(cluster)];
    return theirs.ino === ours.ino && theirs.dev === ours.dev;
  } catch {
    return null;
  }
}

function isPostgres(identity: ProcessIdentity): boolean {
  // Linux marks a program whose file was removed, as by an upgrade.
  return basename(identity.executable.replace(/ \(deleted\)$/, '')) === 'postgres';
}

function samePath(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
