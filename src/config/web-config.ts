import { join } from 'node:path';
import { defaultCacheDir } from './cache-folder.ts';
import type { WebConfig } from './config.ts';
import { configInvalid } from './problems.ts';
import { bool, path, text, token, Values, webAddress, whole, type Take } from './values.ts';

/** How the pages are served. */
export function webOf(take: Take, values: Values, env: NodeJS.ProcessEnv): WebConfig {
  const url = take<string | null>('web.url', 'BIOMERO_BRIDGE_WEB_URL', webAddress, null);
  const shareLinks = take('web.shareLinks', 'BIOMERO_BRIDGE_SHARE_LINKS', bool, false);
  if (shareLinks && url?.startsWith('http:'))
    values.notes.push(
      'BIOMERO_BRIDGE_SHARE_LINKS is on, but BIOMERO_BRIDGE_WEB_URL is not https: whoever listens on the way gets the links.',
    );
  return {
    host: take('web.host', 'BIOMERO_BRIDGE_WEB_HOST', text, '127.0.0.1'),
    port: take('web.port', 'BIOMERO_BRIDGE_WEB_PORT', whole(0, 65535), 4080),
    token: take<string | null>('web.token', 'BIOMERO_BRIDGE_WEB_TOKEN', token, null),
    url,
    cacheFolder: join(take('web.cacheFolder', 'BIOMERO_BRIDGE_CACHE_DIR', path, defaultCacheDir(env)), 'previews'),
    trustProxy: take('web.trustProxy', 'BIOMERO_BRIDGE_TRUST_PROXY', bool, false),
    shareLinks,
  };
}

/** How the pages would be served with these variables, whatever else is missing or wrong. @throws CONFIG_INVALID */
export function readWebConfig(env: NodeJS.ProcessEnv): WebConfig {
  const values = new Values(env);
  const config = webOf(values.takeVariable, values, env);
  if (values.problems.length) throw configInvalid(values.problems);
  return config;
}
