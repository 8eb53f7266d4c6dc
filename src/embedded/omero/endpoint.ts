import type { IceEndpoint } from '../../omero/ice/values.ts';

/** An address for proxies: plain TCP, in encoding 1.0, without time-out or compression. `host` in ASCII, up to 254 bytes. */
export function tcpEndpoint(host: string, port: number): IceEndpoint {
  const body = Buffer.alloc(2 + 1 + host.length + 9);
  body.set([1, 0, host.length]);
  body.write(host, 3, 'latin1');
  body.writeInt32LE(port, 3 + host.length);
  body.writeInt32LE(-1, 7 + host.length);
  return { type: 1, body };
}
