import { readdirSync, readFileSync } from 'node:fs';
import { identifyProcess, killProcess, type ProcessIdentity } from '../../lib/process-identity.ts';
import { markVariable } from './job-folder.ts';

/** Sends a signal to the process group that a process leads; nothing happens when the group is gone. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/**
 * Kills what is left of a job's start: processes that carry its mark in their environment, wherever they put themselves.
 * Where the system does not show environments (macOS), the script's process alone.
 */
export function killLeftovers(mark: string, script: ProcessIdentity | null): void {
  if (script && killProcess(script, 'SIGKILL')) signalGroup(script.pid, 'SIGKILL');
  if (process.platform !== 'linux') return;
  // A second look finds what was forked during the first.
  for (let look = 0; look < 5; look++) {
    const found = marked(mark);
    if (found.length === 0) return;
    for (const identity of found) killProcess(identity, 'SIGKILL');
  }
}

function marked(mark: string): ProcessIdentity[] {
  const entry = `${markVariable}=${mark}`;
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    const identity = identifyProcess(Number(name));
    return identity && environmentOf(name).includes(entry) ? [identity] : [];
  });
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
