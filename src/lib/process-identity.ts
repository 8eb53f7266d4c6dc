import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Which process is meant, beyond its number: numbers are used again, and a stored one may outlive a reboot. Compared
 * by pid, start time and boot.
 */
export interface ProcessIdentity {
  pid: number;
  /** Start time as the system tells it: clock ticks after boot on Linux, text of `ps` elsewhere. */
  startTime: string;
  bootId: string;
  executable: string;
}

/** Identity of a living process; null when there is none, or only a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? identifyOnLinux(pid) : identifyByPs(pid);
}

/** True while this very process lives. A zombie, which still answers `kill -0`, is dead. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== null && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Sends a signal to this very process; false when it is gone. */
export function killProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Ends a process: the polite signal, then SIGKILL after `graceMs`. Resolves when it is gone; rejects when it survives
 * SIGKILL for half a minute, as one that waits for a dead network file system does.
 */
export async function stopProcess(
  identity: ProcessIdentity,
  options: { signal?: NodeJS.Signals; graceMs: number },
): Promise<void> {
  killProcess(identity, options.signal ?? 'SIGTERM');
  const deadline = Date.now() + options.graceMs;
  while (isAlive(identity)) {
    if (Date.now() > deadline) killProcess(identity, 'SIGKILL');
    if (Date.now() > deadline + 30_000) throw new Error(`process ${identity.pid} does not end`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Reads an identity that was stored as JSON; null for anything else. */
export function parseIdentity(value: unknown): ProcessIdentity | null {
  if (typeof value !== 'object' || value === null) return null;
  const v = value as Record<string, unknown>;
  return typeof v['pid'] === 'number' &&
    typeof v['startTime'] === 'string' &&
    typeof v['bootId'] === 'string' &&
    typeof v['executable'] === 'string'
    ? { pid: v['pid'], startTime: v['startTime'], bootId: v['bootId'], executable: v['executable'] }
    : null;
}

function identifyOnLinux(pid: number): ProcessIdentity | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The second field is the name in brackets and may itself hold brackets and spaces: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  if (state === 'Z' || state === 'X' || startTime === undefined) return null;
  let executable = '';
  try {
    executable = readlinkSync(`/proc/${pid}/exe`);
  } catch {
    // Another user's process does not show its executable; pid, start time and boot still identify it.
  }
  return { pid, startTime, bootId: read('/proc/sys/kernel/random/boot_id')?.trim() ?? '', executable };
}

/** For systems without /proc, such as macOS; `ps` tells the start time to the second. */
export function identifyByPs(pid: number): ProcessIdentity | null {
  const text = output('ps', ['-o', 'stat=,lstart=,comm=', '-p', String(pid)]);
  const match = /^(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(text);
  if (!match?.[2] || match[1]?.startsWith('Z')) return null;
  // Not kern.boottime: that moves when the clock is set.
  const bootId = process.platform === 'darwin' ? output('sysctl', ['-n', 'kern.bootsessionuuid']) : '';
  return { pid, startTime: match[2].replace(/\s+/g, ' '), bootId, executable: match[3] ?? '' };
}

/** What a command prints, always in the same language and time zone; empty when it fails. */
function output(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
