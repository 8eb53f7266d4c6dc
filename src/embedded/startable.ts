import { readWebConfig } from '../config/web-config.ts';
import { bridgeError } from '../domain/errors.ts';
import { beyondLoopback } from '../http/identity/loopback.ts';
import { quickStartEnvironment } from './environment.ts';
import { requirePackage } from './postgres/binaries.ts';

/**
 * Refuses before anything is made what would end the start later: an installation without PostgreSQL, as the container
 * image is, and settings around it that would open the pages to other machines.
 *
 * @throws PLATFORM_WITHOUT_POSTGRES, START_BEYOND_LOOPBACK, CONFIG_INVALID
 */
export function requireStartable(env: NodeJS.ProcessEnv): void {
  requirePackage();
  const beyond = beyondLoopback(readWebConfig(quickStartEnvironment(env, {})));
  if (beyond) throw bridgeError('START_BEYOND_LOOPBACK', { ...beyond });
}
