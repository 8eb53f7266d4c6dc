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

/**
 * One token for everybody is for the quick start, on one's own machine: whoever holds it is its admin.
 *
 * @throws TOKEN_BEYOND_LOOPBACK
 */
export function keepTokenOnLoopback(config: Pick<WebConfig, 'token' | 'host'>): void {
  if (config.token !== null && !isLoopback(config.host))
    throw bridgeError('TOKEN_BEYOND_LOOPBACK', { host: config.host });
}
