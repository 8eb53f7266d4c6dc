import type { WebConfig } from '../config/config.ts';

/** Under which addresses browsers reach the pages. */
export interface PublicAddress {
  /** Values of `Host` that get an answer. */
  readonly hosts: readonly string[];
  /** Origins whose pages may change something. */
  readonly origins: readonly string[];
  /** Path that everything stands below, with a slash at both ends; `/` without a proxy. */
  readonly path: string;
  /** True when browsers use https. */
  readonly secure: boolean;
}

/** @param port the port that is listened on, which differs from the configured one when that is 0 */
export function publicAddress(config: WebConfig, port: number): PublicAddress {
  const own = [`${hostText(config.host)}:${port}`, `localhost:${port}`, `127.0.0.1:${port}`];
  if (config.url === null) return { hosts: own, origins: own.map((h) => `http://${h}`), path: '/', secure: false };
  const url = new URL(config.url);
  return {
    // A proxy may pass its own name on, or ask under ours; health checks come directly.
    hosts: [url.host, ...own],
    origins: [url.origin, ...own.map((h) => `http://${h}`)],
    path: url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`,
    secure: url.protocol === 'https:',
  };
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
