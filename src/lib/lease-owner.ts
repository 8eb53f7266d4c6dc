/** Who holds a lease, written so that a successor on the same machine can tell whether that process still lives. */
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { identifyProcess, isAlive, parseIdentity } from './process-identity.ts';

/** This process, under a name of its caller's, as text for the column `holder`. */
export function describeOwner(name: string): string {
  return JSON.stringify({ name, host: hostname(), pidNamespace: pidNamespace(), ...identifyProcess(process.pid) });
}

/**
 * True when the owner was a process of this very machine, boot and pid namespace that has ended. Containers may share
 * a host name, and see only their own pids: for anything but a process that would be visible here, the answer is false.
 */
export function isDeadHere(owner: string): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(owner);
  } catch {
    return false;
  }
  const identity = parseIdentity(parsed);
  const here = identifyProcess(process.pid);
  if (identity === null || here === null || identity.bootId === '' || identity.bootId !== here.bootId) return false;
  const { host, pidNamespace: namespace } = parsed as { host?: unknown; pidNamespace?: unknown };
  return host === hostname() && namespace === pidNamespace() && !isAlive(identity);
}

/** Empty where the system has no such thing. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
