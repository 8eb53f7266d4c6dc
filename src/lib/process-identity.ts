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

/** Ends a process: the polite signal, then SIGKILL after `graceMs`. Resolves when it is gone. */
export async function stopProcess(
  identity: ProcessIdentity,
  options: { signal?: NodeJS.Signals; graceMs: number },
): Promise<void> {
  killProcess(identity, options.signal ?? 'SIGTERM');
  const deadline = Date.now() + options.graceMs;
  while (isAlive(identity)) {
    if (Date.now() > deadline) killProcess(identity, 'SIGKILL');
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

function identifyByPs(pid: number): ProcessIdentity | null {
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const match = /^(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(text);
    if (!match?.[2] || match[1]?.startsWith('Z')) return null;
    const boot = execFileSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' }).trim();
    return { pid, startTime: match[2], bootId: boot, executable: match[3] ?? '' };
  } catch {
    return null;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
