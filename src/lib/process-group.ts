import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess, isAlive, stopProcess, type ProcessIdentity } from './process-identity.ts';

const lookEveryMs = 25;
/** A killed process is gone within moments; longer it is only a zombie whose parent does not ask for its end. */
const goneWithinMs = 1_000;

/**
 * Ends a process that leads a group of its own, and all of that group: the polite signal, then SIGKILL after `graceMs`.
 * Also when the leader is dead already and only its children go on. Rejects when the leader survives SIGKILL for half a
 * minute, as one that waits for a dead network file system does.
 */
export async function stopProcessGroup(leader: ProcessIdentity, { graceMs }: { graceMs: number }): Promise<void> {
  if (isAlive(leader)) {
    signalGroup(leader, 'SIGTERM');
    await stopProcess(leader, { graceMs });
  }
  const deadline = Date.now() + goneWithinMs;
  while (signalGroup(leader, 'SIGKILL') && Date.now() < deadline) await sleep(lookEveryMs);
}

/** Sends a signal to the group that this process leads or led; false when there is none any more. */
export function signalGroup(leader: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isSameGroup(leader)) return false;
  try {
    process.kill(-leader.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Whether the group of that number can be the leader's. While a member lives, the system gives its number to no other
 * process; so either the leader lives, or nobody has the number. After a reboot the number says nothing.
 */
function isSameGroup(leader: ProcessIdentity): boolean {
  if (identifyProcess(process.pid)?.bootId !== leader.bootId) return false;
  return isAlive(leader) || identifyProcess(leader.pid) === null;
}
