import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testCertificate, testKey } from '../../../test/support/test-certificate.ts';
import type { IceConnection } from './connection.ts';
import { frame } from './messages.ts';
import { IceServer } from './server.ts';
import type { Dispatch } from './server-types.ts';
import { never, open, schema, serve, serveBytes, target } from './testing.ts';
import { IceConnectionError } from './values.ts';

describe('connecting', () => {
  test('nobody listens: unreachable', async () => {
    const server = await IceServer.listen({ host: '127.0.0.1', port: 0, schema, dispatch: never });
    await server.close();
    await expect(open(server.port)).rejects.toMatchObject({ failure: 'unreachable' });
  });

  test('a listener that says nothing: time-out', async () => {
    const port = await serveBytes(() => undefined);
    await expect(open(port, { timeoutMs: 100 })).rejects.toMatchObject({ failure: 'timeout' });
  });

  test('a listener that speaks something else: protocol', async () => {
    const port = await serveBytes((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(open(port)).rejects.toMatchObject({ failure: 'protocol' });
  });

  test('a message beyond the limit ends the connection before it is read', async () => {
    const port = await serveBytes((socket) => {
      socket.write(frame('validate'));
      const huge = frame('reply');
      huge.writeInt32LE(0x7fffffff, 10);
      setTimeout(() => socket.write(huge), 50);
    });
    const connection = await open(port);
    expect(await connection.closed).toMatchObject({ failure: 'protocol' });
  });

  test('heartbeats are sent also while a request waits', async () => {
    const received: Buffer[] = [];
    const port = await serveBytes((socket) => {
      socket.write(frame('validate'));
      socket.on('data', (chunk) => received.push(chunk));
    });
    const connection = await open(port);
    connection.heartbeat(20);
    void connection.invoke(target, 'IConfig', 'getVersion', []).catch(() => undefined);
    const beats = (): number =>
      Buffer.concat(received).toString('latin1').split(frame('validate').toString('latin1')).length - 1;
    await expect.poll(beats).toBeGreaterThanOrEqual(3);
    connection.heartbeat(0);
    const before = beats();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(beats()).toBeLessThanOrEqual(before + 1);
  });
});

describe('TLS', () => {
  const answer: Dispatch = async (request) => {
    request.arguments('IConfig');
    return '5.6';
  };
  const tls = { key: testKey, cert: testCertificate };
  const version = async (connection: IceConnection): Promise<unknown> =>
    (await connection.invoke(target, 'IConfig', 'getVersion', [])).result;

  test('verify accepts a certificate of a trusted authority for this host, and nothing else', async () => {
    const server = await serve(answer, { tls });
    const trusted = { host: 'localhost', tls: { mode: 'verify', ca: testCertificate } } as const;
    const local = await serve(answer, { tls, host: 'localhost' });
    expect(await version(await open(local.port, trusted))).toBe('5.6');
    await expect(open(server.port, { tls: { mode: 'verify' } })).rejects.toMatchObject({ failure: 'refusedByTls' });
    await expect(
      open(server.port, { tls: { mode: 'verify', ca: testCertificate } }),
      'the address is not in the certificate',
    ).rejects.toMatchObject({ failure: 'refusedByTls' });
  });

  test('a pinned certificate is accepted under any name, another one is not, and none neither', async () => {
    const server = await serve(answer, { tls });
    const { fingerprint256 } = new X509Certificate(testCertificate);
    for (const fingerprint of [fingerprint256, fingerprint256.replaceAll(':', '').toLowerCase()])
      expect(await version(await open(server.port, { tls: { mode: 'pinned', fingerprint } }))).toBe('5.6');
    for (const fingerprint of ['ab'.repeat(32), ''])
      await expect(open(server.port, { tls: { mode: 'pinned', fingerprint } })).rejects.toMatchObject({
        failure: 'refusedByTls',
        message: `TLS with 127.0.0.1:${server.port} failed: the certificate of the server is not the pinned one, it has the SHA-256 fingerprint ${fingerprint256}`,
      });
    const without = await serve(answer, {
      tls: { ciphers: 'ADH:@SECLEVEL=0', dhparam: 'auto', maxVersion: 'TLSv1.2' },
    });
    await expect(open(without.port, { tls: { mode: 'pinned', fingerprint: '' } })).rejects.toMatchObject({
      failure: 'refusedByTls',
    });
  });

  test('what is wrong with a certificate is said in words, with its fingerprint', async () => {
    const server = await serve(answer, { tls });
    const refusal = async (ca?: string): Promise<string> => {
      const mode = { mode: 'verify', ...(ca === undefined ? {} : { ca }) } as const;
      return String(await open(server.port, { tls: mode }).catch((error: unknown) => error));
    };
    expect(await refusal()).toMatch(
      /: the certificate is self-signed; the certificate has the SHA-256 fingerprint [0-9A-F:]{95}$/,
    );
    expect(await refusal(testCertificate)).toMatch(/127\.0\.0\.1.*; the certificate has the SHA-256 fingerprint/);
  });

  test('a CA file that holds no certificate is refused in words', async () => {
    const server = await serve(answer, { tls });
    const ca = '-----BEGIN CERTIFICATE-----\nbm90IGE=\n-----END CERTIFICATE-----\n';
    await expect(open(server.port, { tls: { mode: 'verify', ca } })).rejects.toMatchObject({ failure: 'refusedByTls' });
  });

  test('self-signed accepts any certificate', async () => {
    const server = await serve(answer, { tls });
    expect(await version(await open(server.port, { tls: { mode: 'self-signed' } }))).toBe('5.6');
  });

  test('anonymous speaks to a server without certificate', async () => {
    const server = await serve(answer, {
      tls: { ciphers: 'ADH:@SECLEVEL=0', dhparam: 'auto', maxVersion: 'TLSv1.2' },
    });
    expect(await version(await open(server.port, { tls: { mode: 'anonymous' } }))).toBe('5.6');
    await expect(open(server.port, { tls: { mode: 'verify' } })).rejects.toMatchObject({ failure: 'refusedByTls' });
  });

  test('TLS to a plain server is refused in words', async () => {
    const server = await serve(answer);
    await expect(open(server.port, { tls: { mode: 'verify' }, timeoutMs: 1_000 })).rejects.toBeInstanceOf(
      IceConnectionError,
    );
  });
});

describe('a hostile client', () => {
  test('random bytes end its connection only', async () => {
    const server = await serve(async (request) => {
      request.arguments('IConfig');
      return '5.6';
    });
    const good = await open(server.port);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.boolean(), async (bytes, framed) => {
        const message = framed ? frame('request', bytes) : bytes;
        await new Promise<void>((resolve) => {
          const socket = connect(server.port, '127.0.0.1', () => socket.end(message));
          socket.on('error', () => resolve());
          socket.on('close', () => resolve());
          socket.resume();
        });
      }),
      { numRuns: 100 },
    );
    expect((await good.invoke(target, 'IConfig', 'getVersion', [])).result).toBe('5.6');
  });
});
