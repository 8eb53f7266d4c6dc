import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { frame } from './messages.ts';
import type { IceServerConnection } from './server-types.ts';
import { never, open, schema, serve, serveBytes, target } from './testing.ts';
import { IceConnectionError, IceDispatchError, IceException, IceMarshalError, proxyTo } from './values.ts';

const rlong = (val: number) => ({ $type: '::omero::RLong', val });

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
