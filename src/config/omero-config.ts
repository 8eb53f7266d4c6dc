import type { OmeroConfig } from './config.ts';
import {
  fingerprint,
  oneOf,
  path,
  text,
  verbatim,
  webAddress,
  whole,
  type Parse,
  type Take,
  type Values,
} from './values.ts';

/** The OMERO server and our account there. `needed`: they may not be missing. */
export function omeroOf(values: Values, take: Take, needed: boolean): OmeroConfig {
  const server = take<OmeroServer>('omero.host', 'OMERO_HOST', omeroHost, { host: '', transport: 'ssl' });
  const user = take('omero.user', 'OMERO_USER', text, '');
  const password = take('omero.password', 'OMERO_PASSWORD', verbatim, '');
  if (needed) {
    const wrong = (name: string): boolean => values.problems.some((p) => p.key.startsWith(name));
    if (!server.host && !wrong('OMERO_HOST')) values.missing('OMERO_HOST', 'the OMERO server');
    if (!user && !wrong('OMERO_USER')) values.missing('OMERO_USER', 'or OMERO_USER_FILE');
    if (!password && !wrong('OMERO_PASSWORD')) values.missing('OMERO_PASSWORD', 'or OMERO_PASSWORD_FILE');
  }
  const tls = take('omero.tls', 'BIOMERO_BRIDGE_OMERO_TLS', oneOf('verify', 'self-signed', 'anonymous'), 'verify');
  const pinned = take<string | null>('omero.fingerprint', 'BIOMERO_BRIDGE_OMERO_FINGERPRINT', fingerprint, null);
  if (pinned && (tls === 'anonymous' || server.transport === 'tcp'))
    values.notes.push(
      'BIOMERO_BRIDGE_OMERO_FINGERPRINT has no effect: with tcp:// or `anonymous` OMERO shows no certificate.',
    );
  return {
    ...server,
    port: take('omero.port', 'OMERO_PORT', whole(1, 65535), 4064),
    user,
    password,
    tls,
    caFile: take<string | null>('omero.caFile', 'BIOMERO_BRIDGE_OMERO_CA_FILE', path, null),
    fingerprint: pinned,
    reconnectSeconds: take('omero.reconnectSeconds', 'BIOMERO_BRIDGE_OMERO_RECONNECT_SECONDS', whole(0, 600), 20),
    webUrl: take<string | null>('omero.webUrl', 'BIOMERO_BRIDGE_OMERO_WEB_URL', webAddress, null),
  };
}

type OmeroServer = Pick<OmeroConfig, 'host' | 'transport'>;

const omeroHost: Parse<OmeroServer> = (value) => {
  const match = /^(?:(tcp|ssl):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/i.exec(value.trim());
  if (!match?.[2]) return null;
  return { host: match[2].replace(/^\[|\]$/g, ''), transport: match[1]?.toLowerCase() === 'tcp' ? 'tcp' : 'ssl' };
};
