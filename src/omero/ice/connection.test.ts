import { createServer, connect, type Server, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { testCertificate, testKey } from '../../../test/support/test-certificate.ts';
import { IceConnection, type ConnectOptions } from './connection.ts';
import { frame } from './messages.ts';
import { IceSchema } from './schema.ts';
import { IceServer, type ListenOptions } from './server.ts';
import type { Dispatch, IceServerConnection } from './server-types.ts';
import { IceConnectionError, IceDispatchError, IceException, IceMarshalError, proxyTo } from './values.ts';

const schema = IceSchema.omero();
const target = { category: 'c', name: 'n' };
const rlong = (val: number) => ({ $type: '::omero::RLong', val });

async function serve(dispatch: Dispatch, options: Partial<ListenOptions> = {}): Promise<IceServer> {
  const server = await IceServer.listen({ host: '127.0.0.1', port: 0, schema, dispatch, ...options });
  onTestFinished(() => server.close());
  return server;
}

async function open(port: number, options: Partial<ConnectOptions> = {}): Promise<IceConnection> {
  const connection = await IceConnection.connect({ host: '127.0.0.1', port, schema, timeoutMs: 5_000, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** A server of bytes instead of Ice. */
async function serveBytes(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

const never = (): Promise<never> => new Promise(() => undefined);

describe('invoke', () => {
  test('brings arguments, context, identity and facet over, and the result back', async () => {
    const seen: unknown[] = [];
    const server = await serve(async (request) => {
      const args = request.arguments('IQuery');
      seen.push(request.identity, request.facet, request.operation, request.context, args);
      return [[rlong(1), null], []];
    });
    const connection = await open(server.port);
    const parameters = {
      $type: '::omero::sys::Parameters',
      map: new Map([['id', rlong(7)]]),
      theFilter: null,
      theOptions: null,
    };
    const context = { 'omero.group': '-1' };
    const { result, out } = await connection.invoke(
      { ...target, facet: 'f' },
      'IQuery',
      'projection',
      ['select 1', parameters],
      { context },
    );
    expect(result).toEqual([[rlong(1), null], []]);
    expect(out).toEqual([]);
    expect(seen).toEqual([target, 'f', 'projection', new Map(Object.entries(context)), ['select 1', parameters]]);
  });

  test('many requests are under way at once and answered in any order', async () => {
    const server = await serve(async (request) => {
      const [length] = request.arguments('RawFileStore') as [number];
      await new Promise((resolve) => setTimeout(resolve, (length * 7919) % 23));
      return length % 2 === 0;
    });
    const connection = await open(server.port);
    const numbers = Array.from({ length: 300 }, (_, i) => i);
    const results = await Promise.all(
      numbers.map((i) => connection.invoke(target, 'RawFileStore', 'truncate', [i]).then((r) => r.result)),
    );
    expect(results).toEqual(numbers.map((i) => i % 2 === 0));
  });

  test('a large answer arrives whole', async () => {
    const bytes = new Uint8Array(20 * 1024 * 1024).fill(7);
    const server = await serve(async (request) => {
      request.arguments('RawFileStore');
      return bytes;
    });
    const { result } = await (await open(server.port)).invoke(target, 'RawFileStore', 'read', [0, bytes.length]);
    expect(Buffer.compare(result as Uint8Array, bytes)).toBe(0);
  });

  test('proxies and void travel', async () => {
    const server = await serve(async (request) => {
      if (request.operation === 'createSession') {
        request.arguments('Router');
        return proxyTo('session-1', 'abc');
      }
      request.arguments('Router');
      return undefined;
    });
    const connection = await open(server.port);
    const session = await connection.invoke(target, 'Router', 'createSession', ['u', 'p']);
    expect(session.result).toEqual(proxyTo('session-1', 'abc'));
    expect((await connection.invoke(target, 'Router', 'destroySession', [])).result).toBeUndefined();
  });

  test('a user exception arrives with type and members', async () => {
    const server = await serve(async (request) => {
      request.arguments('IUpdate');
      throw new IceException('::omero::ValidationException', {
        serverStackTrace: '',
        serverExceptionClass: 'ome.conditions.ValidationException',
        message: 'No row',
      });
    });
    const error = await (
      await open(server.port)
    )
      .invoke(target, 'IUpdate', 'saveObject', [null])
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(IceException);
    expect(error).toMatchObject({ typeId: '::omero::ValidationException', message: 'No row' });
  });

  test.each(['objectNotExist', 'facetNotExist', 'operationNotExist', 'unknownException'] as const)(
    'a dispatch error %s arrives as such',
    async (failure) => {
      const server = await serve(async () => {
        throw new IceDispatchError(failure, 'why');
      });
      const error = await (
        await open(server.port)
      )
        .invoke(target, 'IConfig', 'getVersion', [])
        .catch((e: unknown) => e);
      expect(error).toMatchObject({ name: 'IceDispatchError', failure });
    },
  );

  test('what a dispatch throws by mistake is an unknown exception, and the connection goes on', async () => {
    let fail = true;
    const server = await serve(async (request) => {
      request.arguments('IConfig');
      if (fail) throw new TypeError('a bug');
      return '5.6';
    });
    const connection = await open(server.port);
    await expect(connection.invoke(target, 'IConfig', 'getVersion', [])).rejects.toMatchObject({
      failure: 'unknownException',
      message: 'a bug',
    });
    fail = false;
    expect((await connection.invoke(target, 'IConfig', 'getVersion', [])).result).toBe('5.6');
  });

  test('an operation that the named interface lacks, and a result that does not fit, are failures of that call', async () => {
    const server = await serve(async (request) => {
      request.arguments(request.operation === 'getVersion' ? 'IQuery' : 'IConfig');
      return 7;
    });
    const connection = await open(server.port);
    await expect(connection.invoke(target, 'IConfig', 'getVersion', [])).rejects.toMatchObject({
      failure: 'operationNotExist',
    });
    await expect(connection.invoke(target, 'IConfig', 'getDatabaseUuid', [])).rejects.toMatchObject({
      failure: 'unknownLocalException',
    });
  });

  test('every interface answers what all Ice objects answer', async () => {
    const server = await serve(async (request) => {
      const [id] = request.arguments('IQuery') as [string];
      return schema.typeIds('IQuery').includes(id);
    });
    const connection = await open(server.port);
    const isA = (id: string): Promise<unknown> =>
      connection.invoke(target, 'Object', 'ice_isA', [id]).then((r) => r.result);
    expect(await isA('::omero::api::IQuery')).toBe(true);
    expect(await isA('::Ice::Object')).toBe(true);
    expect(await isA('::omero::api::IUpdate')).toBe(false);
  });

  test('an unknown operation and wrong arguments never reach the server', async () => {
    const server = await serve(never);
    const connection = await open(server.port);
    await expect(connection.invoke(target, 'IQuery', 'nothing', [])).rejects.toBeInstanceOf(IceMarshalError);
    await expect(connection.invoke(target, 'IQuery', 'find', ['Image'])).rejects.toBeInstanceOf(IceMarshalError);
    await expect(connection.invoke(target, 'IQuery', 'find', ['Image', 'x'])).rejects.toBeInstanceOf(IceMarshalError);
  });
});

describe('time-out, abort, close', () => {
  test('a time-out ends one request; its late answer is dropped and others go on', async () => {
    const release: (() => void)[] = [];
    const server = await serve(async (request) => {
      request.arguments('IConfig');
      if (request.operation === 'getDatabaseUuid') await new Promise<void>((resolve) => release.push(resolve));
      return request.operation;
    });
    const connection = await open(server.port);
    await expect(connection.invoke(target, 'IConfig', 'getDatabaseUuid', [], { timeoutMs: 50 })).rejects.toMatchObject({
      name: 'IceConnectionError',
      failure: 'timeout',
    });
    release.forEach((r) => r());
    expect((await connection.invoke(target, 'IConfig', 'getVersion', [])).result).toBe('getVersion');
  });

  test('an abort rejects with its reason, before and during the call', async () => {
    const server = await serve(never);
    const connection = await open(server.port);
    const reason = new Error('enough');
    const controller = new AbortController();
    const call = connection.invoke(target, 'IConfig', 'getVersion', [], { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    const again = connection.invoke(target, 'IConfig', 'getVersion', [], { signal: controller.signal });
    await expect(again).rejects.toBe(reason);
  });

  test('closing fails what is under way and resolves closed with null', async () => {
    const server = await serve(never);
    const connection = await open(server.port);
    const call = connection.invoke(target, 'IConfig', 'getVersion', []);
    connection.close();
    await expect(call).rejects.toMatchObject({ failure: 'closed' });
    await expect(connection.closed).resolves.toBeNull();
    await expect(connection.invoke(target, 'IConfig', 'getVersion', [])).rejects.toMatchObject({ failure: 'closed' });
  });

  test('the server sees the end of a connection', async () => {
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const server = await serve(async (request) => {
      request.arguments('IConfig');
      request.connection.onClose(ended);
      return '';
    });
    const connection = await open(server.port);
    await connection.invoke(target, 'IConfig', 'getVersion', []);
    connection.close();
    await end;
  });

  test('a farewell of the server fails what is under way', async () => {
    const server = await serve(never);
    const connection = await open(server.port);
    const call = connection.invoke(target, 'IConfig', 'getVersion', []).catch((e: unknown) => e);
    await server.close();
    expect(await call).toMatchObject({ name: 'IceConnectionError', failure: 'closed' });
    expect(await connection.closed).toBeInstanceOf(IceConnectionError);
  });

  test('a connection cut without farewell is lost', async () => {
    let socket: Socket | null = null;
    const port = await serveBytes((s) => {
      socket = s;
      s.write(frame('validate'));
    });
    const connection = await open(port);
    const call = connection.invoke(target, 'IConfig', 'getVersion', []).catch((e: unknown) => e);
    (socket as Socket | null)?.destroy();
    expect(await call).toMatchObject({ failure: 'lost' });
  });

  test('state and number stay with a connection', async () => {
    const seen: [number, unknown][] = [];
    const server = await serve(async (request) => {
      const { connection } = request as { connection: IceServerConnection };
      seen.push([connection.id, connection.state]);
      connection.state = 'mine';
      request.arguments('IConfig');
      return '';
    });
    const [a, b] = [await open(server.port), await open(server.port)];
    for (const c of [a, a, b]) await c.invoke(target, 'IConfig', 'getVersion', []);
    expect(seen.map(([, state]) => state)).toEqual([undefined, 'mine', undefined]);
    expect(seen[0]?.[0]).toBe(seen[1]?.[0]);
    expect(seen[2]?.[0]).not.toBe(seen[0]?.[0]);
  });
});

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
