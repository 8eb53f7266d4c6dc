import { isIP, BlockList } from 'node:net';
import type { WebConfig } from '../../config/config.ts';
import { bridgeError } from '../../domain/errors.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches what listens on `host`; a name other than `localhost` may lead anywhere. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host.toLowerCase() === 'localhost' : loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** A setting by which the pages are reached from other machines. */
export interface Beyond {
  setting: 'BIOMERO_BRIDGE_WEB_HOST' | 'BIOMERO_BRIDGE_WEB_URL' | 'BIOMERO_BRIDGE_TRUST_PROXY';
  /** What it means, as the end of a sentence. */
  reason: string;
}

/**
 * What lets other machines reach the pages: the address that is listened on, or a proxy in front, which asks from this
 * machine for whoever asked it. A proxy of this machine alone has an address of this machine, such as http://localhost:8080.
 */
export function beyondLoopback(config: Pick<WebConfig, 'host' | 'url' | 'trustProxy'>): Beyond | null {
  if (!isLoopback(config.host))
    return { setting: 'BIOMERO_BRIDGE_WEB_HOST', reason: `the web role listens on ${config.host}` };
  const { hostname } = new URL(config.url ?? 'http://localhost');
  if (!isLoopback(hostname.replace(/^\[|\]$/g, '')))
    return { setting: 'BIOMERO_BRIDGE_WEB_URL', reason: `browsers use ${hostname}` };
  if (config.trustProxy)
    return { setting: 'BIOMERO_BRIDGE_TRUST_PROXY', reason: 'requests come through a proxy for others' };
  return null;
}

/**
 * One token for everybody is for the quick start, on one's own machine: whoever holds it is its admin.
 *
 * @throws TOKEN_BEYOND_LOOPBACK
 */
export function keepTokenOnLoopback(config: Pick<WebConfig, 'token' | 'host' | 'url' | 'trustProxy'>): void {
  const beyond = config.token === null ? null : beyondLoopback(config);
  if (beyond) throw bridgeError('TOKEN_BEYOND_LOOPBACK', { ...beyond });
}
