import { bridgeError } from '../domain/errors.ts';

/** In-place import by session key and administrators with single privileges came with it. */
export const leastVersion = '5.4';

/** Whether a server of this version can be used; null when it is no version of OMERO at all. */
export function isSupported(version: string): boolean | null {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return null;
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 4);
}

/** @throws OMERO_TOO_OLD, OMERO_ANSWER_INVALID */
export function requireSupported(server: string, version: string): void {
  const supported = isSupported(version);
  if (supported === null) {
    const reason = `it gives its version as ${JSON.stringify(version.slice(0, 80))}, not as one of OMERO, such as ${leastVersion}`;
    throw bridgeError('OMERO_ANSWER_INVALID', { server, reason });
  }
  if (!supported) throw bridgeError('OMERO_TOO_OLD', { server, version, least: leastVersion });
}
