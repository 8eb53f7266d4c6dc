import { connect as connectTcp, isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { certificateVerdicts } from '../../lib/certificate-verdicts.ts';
import { trustedAuthorities } from '../../lib/trusted-authorities.ts';
import { IceConnectionError } from './values.ts';

export interface TlsOptions {
  /**
   * `verify`: the certificate must be valid for the host. `pinned`: it must be the one with the fingerprint, whoever
   * signed it and for whatever name. `self-signed`: any certificate, so only the line is protected. `anonymous`: no
   * certificate at all (anonymous Diffie-Hellman), what OMERO.server does out of the box.
   */
  readonly mode: 'verify' | 'pinned' | 'self-signed' | 'anonymous';
  /** PEM text of the authorities to trust, with `verify`; without it the system's and those that Node.js knows. */
  readonly ca?: string;
  /** SHA-256 of the certificate, 64 hexadecimal digits in any case, with or without colons; with `pinned`. */
  readonly fingerprint?: string;
}

/** Opens a socket, with TLS unless `tls` is null, ready to send. Throws IceConnectionError. */
export function openSocket(host: string, port: number, tls: TlsOptions | null, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const where = `${host}:${port}`;
    const fail = (failure: 'unreachable' | 'refusedByTls', message: string, cause?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new IceConnectionError(failure, message, cause ? { cause } : {}));
    };
    const broken = (cause: Error): void => {
      if (tls !== null && isTlsError(cause)) fail('refusedByTls', `TLS with ${where} failed: ${cause.message}`, cause);
      else fail('unreachable', `${where} cannot be reached: ${cause.message}`, cause);
    };
    const timer = setTimeout(() => broken(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const ready = (): void => {
      const refusal = tls ? refusalOf(socket as TLSSocket, host, tls) : null;
      if (refusal !== null) return fail('refusedByTls', `TLS with ${where} failed: ${refusal}`);
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.removeAllListeners('close');
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      resolve(socket);
    };
    let socket: Socket;
    try {
      socket = tls ? connectTls({ host, port, ...tlsSettings(host, tls) }) : connectTcp({ host, port });
    } catch (cause) {
      clearTimeout(timer);
      reject(new IceConnectionError('refusedByTls', `TLS cannot be used: ${(cause as Error).message}`, { cause }));
      return;
    }
    socket.once('error', broken);
    socket.once('close', () => broken(new Error('the connection was closed at once')));
    socket.once(tls ? 'secureConnect' : 'connect', ready);
  });
}

/** The certificate is judged in `refusalOf`, where it is at hand for the sentence: nothing is sent before. */
function tlsSettings(host: string, tls: TlsOptions): ConnectionOptions {
  const named = { ...(isIP(host) ? {} : { servername: host }), rejectUnauthorized: false };
  switch (tls.mode) {
    case 'verify':
      return { ...named, secureContext: contextTrusting(tls.ca ?? null) };
    case 'pinned':
    case 'self-signed':
      return named;
    case 'anonymous':
      // Anonymous suites ended with TLS 1.2; OpenSSL offers them only at security level 0.
      return { ciphers: 'ADH:@SECLEVEL=0', minVersion: 'TLSv1', maxVersion: 'TLSv1.2', rejectUnauthorized: false };
  }
}

/** Why the server's certificate does not do, in words with its fingerprint; null when it does. */
function refusalOf(socket: TLSSocket, host: string, tls: TlsOptions): string | null {
  if (tls.mode === 'self-signed' || tls.mode === 'anonymous') return null;
  const certificate = socket.getPeerCertificate();
  const found = certificate.fingerprint256 ?? '';
  if (tls.mode === 'pinned') {
    if (digits(found) === digits(tls.fingerprint ?? '') && found !== '') return null;
    return `the certificate of the server is not the pinned one, it has the SHA-256 fingerprint ${found || '(none)'}`;
  }
  const has = `the certificate has the SHA-256 fingerprint ${found}`;
  // Node's types say Error; it is the code of OpenSSL's verdict.
  const verdict = socket.authorizationError as unknown as string | null;
  const name = checkServerIdentity(host, certificate);
  if (socket.authorized && name === undefined) return null;
  if (name !== undefined && (verdict === null || verdict === 'ERR_TLS_CERT_ALTNAME_INVALID'))
    return `${name.message.replace(/\.+$/, '')}; ${has}`;
  return `${certificateVerdicts[String(verdict)] ?? String(verdict)}; ${has}`;
}

function digits(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

let lastContext: { readonly ca: string | null; readonly context: SecureContext } | null = null;

/** Reading hundreds of authorities takes tens of milliseconds: kept for the next connection. */
function contextTrusting(ca: string | null): SecureContext {
  if (lastContext?.ca !== ca) lastContext = { ca, context: createSecureContext({ ca: ca ?? trustedAuthorities() }) };
  return lastContext.context;
}

function isTlsError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const syscall = (error as NodeJS.ErrnoException).syscall;
  return syscall === undefined && /^(ERR_(SSL|TLS)|UNABLE_|CERT_|SELF_SIGNED|DEPTH_ZERO|EPROTO|HOSTNAME)/.test(code);
}
