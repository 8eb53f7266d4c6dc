import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { IceConnectionError } from './values.ts';

export interface TlsOptions {
  /**
   * `verify`: the certificate must be valid for the host. `self-signed`: any certificate, so only the line is protected.
   * `anonymous`: no certificate at all (anonymous Diffie-Hellman), what OMERO.server does out of the box.
   */
  readonly mode: 'verify' | 'self-signed' | 'anonymous';
  /** PEM text of the authority to trust, with `verify`; without it the system's. */
  readonly ca?: string;
}

/** Opens a socket, with TLS unless `tls` is null, ready to send. Throws IceConnectionError. */
export function openSocket(host: string, port: number, tls: TlsOptions | null, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = `${host}:${port}`;
    const socket = tls ? connectTls({ host, port, ...tlsSettings(host, tls) }) : connectTcp({ host, port });
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const fail = (cause: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      const byTls = tls !== null && isTlsError(cause);
      const what = byTls
        ? `TLS with ${where} failed: ${cause.message}`
        : `${where} cannot be reached: ${cause.message}`;
      reject(new IceConnectionError(byTls ? 'refusedByTls' : 'unreachable', what, { cause }));
    };
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('the connection was closed at once')));
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.removeAllListeners('close');
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      resolve(socket);
    });
  });
}

function tlsSettings(host: string, tls: TlsOptions): ConnectionOptions {
  const servername = isIP(host) ? {} : { servername: host };
  switch (tls.mode) {
    case 'verify':
      return { ...servername, ...(tls.ca === undefined ? {} : { ca: tls.ca }) };
    case 'self-signed':
      return { ...servername, rejectUnauthorized: false };
    case 'anonymous':
      // Anonymous suites ended with TLS 1.2; OpenSSL offers them only at security level 0.
      return { ciphers: 'ADH:@SECLEVEL=0', minVersion: 'TLSv1', maxVersion: 'TLSv1.2', rejectUnauthorized: false };
  }
}

function isTlsError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const syscall = (error as NodeJS.ErrnoException).syscall;
  return syscall === undefined && /^(ERR_(SSL|TLS)|UNABLE_|CERT_|SELF_SIGNED|DEPTH_ZERO|EPROTO|HOSTNAME)/.test(code);
}
