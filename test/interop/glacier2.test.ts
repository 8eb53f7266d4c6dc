import type { ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { OmeroConfig } from '../../src/config/config.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { IceConnection } from '../../src/omero/ice/connection.ts';
import { IceSchema } from '../../src/omero/ice/schema.ts';
import { proxyTo, type IceObject, type IceProxy } from '../../src/omero/ice/values.ts';
import { OmeroLink } from '../../src/omero/link.ts';
import { newObject, reference } from '../../src/omero/model.ts';
import { parameters } from '../../src/omero/queries/project.ts';
import { rlong, rstring, unwrap } from '../../src/omero/rtypes.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import { anyInstance } from '../support/ice-values.ts';
import { childOfTest, glacier2router, startGlacier2, zerocPython } from '../support/glacier2-router.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testCertificate } from '../support/test-certificate.ts';

// Our client through ZeroC's own router to servants on ZeroC's own runtime: the codec cannot agree only with itself.
const python = zerocPython ?? '';
const available = glacier2router !== null && zerocPython !== null;
const schema = IceSchema.omero();

interface Peers {
  config: OmeroConfig;
  /** Kills the router and starts another on the same port. */
  restartRouter(pauseMs?: number): Promise<void>;
  killRouter(): void;
}

interface StartOptions {
  ssl?: 'certificate' | 'anonymous';
  sessionTimeout?: number;
  encoding?: string;
  version?: string;
  routingTable?: number;
}

async function start({ ssl, encoding = '1.0', version = '5.6.14-ice36', ...router }: StartOptions): Promise<Peers> {
  const servants = childOfTest(python, [
    packageFile('test', 'interop', 'omero_servants.py'),
    version,
    `Ice.Default.EncodingVersion=${encoding}`,
    'Ice.ThreadPool.Server.Size=4',
    'Ice.MessageSizeMax=250000',
  ]);
  const backPort = await readyPort(servants);
  let current = await startGlacier2({ backPort, ssl, ...router });
  const { port } = current;
  const tls = ssl === 'anonymous' ? 'anonymous' : 'self-signed';
  const transport = ssl ? 'ssl' : 'tcp';
  const account = { user: 'alice', password: 'secret', caFile: null, webUrl: null } as const;
  const killRouter = (): void => void current.process.kill('SIGKILL');
  const restartRouter = async (pauseMs = 0): Promise<void> => {
    killRouter();
    if (current.process.exitCode === null && current.process.signalCode === null) await once(current.process, 'exit');
    await sleep(pauseMs);
    current = await startGlacier2({ backPort, ssl, port, ...router });
  };
  return { config: { host: '127.0.0.1', port, transport, tls, ...account }, restartRouter, killRouter };
}

async function readyPort(servants: ChildProcess): Promise<number> {
  if (!servants.stdout) throw new Error('no output');
  for await (const line of createInterface({ input: servants.stdout })) {
    const port = /^ready (\d+)$/.exec(line)?.[1];
    if (port) return Number(port);
  }
  throw new Error('the servants ended before they were ready');
}

async function linkTo({ config }: Peers): Promise<OmeroLink> {
  const link = await OmeroLink.open(config, config.user, config.password);
  onTestFinished(() => link.close());
  return link;
}

describeWithPart('Glacier2', available, 'our client through a real router', () => {
  test('signs in, learns who it is, and signs out', async () => {
    const { config } = await start({});
    const session = await OmeroSession.signIn(config);
    onTestFinished(() => session.close());
    expect(session.context).toMatchObject({ userName: 'alice', groupName: 'lab', groupId: 4, memberOfGroups: [4] });
    expect(session.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(await session.version()).toBe('5.6.14-ice36');
    await session.close();
    expect(session.lost.aborted).toBe(false);
  });

  test('a wrong password is refused in the words of the verifier', async () => {
    const { config } = await start({});
    await expect(OmeroSession.signIn({ ...config, password: 'wrong' })).rejects.toMatchObject({
      code: 'OMERO_SIGN_IN_REFUSED',
      params: { reason: 'wrong password' },
    });
  });

  test('what a session manager refuses keeps its reason; the router cuts the type down to its own', async () => {
    const { config } = await start({});
    const connection = await IceConnection.connect({ host: config.host, port: config.port, schema });
    onTestFinished(() => connection.close());
    const identity = { category: 'OMERO.Glacier2', name: 'router' };
    await expect(connection.invoke(identity, 'Router', 'createSession', ['a', 'secret'])).rejects.toMatchObject({
      typeId: '::Glacier2::CannotCreateSessionException',
      members: { reason: 'no omero.client.uuid' },
    });
  });

  test.each(['1.0', '1.1'])(
    'class instances, exceptions and bytes come back from a server whose default encoding is %s',
    async (encoding) => {
      const link = await linkTo(await start({ encoding }));
      const child = newObject('MapAnnotation', {
        ns: rstring('biomero.workflow'),
        mapValue: [
          { $type: '::omero::model::NamedValue', name: 'k', value: 'µ' },
          { $type: '::omero::model::NamedValue', name: 'k', value: '' },
        ],
      });
      const links = [newObject('ImageAnnotationLink', { parent: reference('Image', 7), child })];
      expect(await link.call('IUpdate', 'saveAndReturnIds', [links])).toEqual([2]);
      const rows = await link.call('IQuery', 'projection', ['select 1', parameters({ ids: [1, 2 ** 40], name: 'é' })]);
      expect((rows as IceObject[][]).map((row) => row.map(unwrap))).toEqual([[[1, 2 ** 40]], ['é']]);
      await expect(link.call('IUpdate', 'saveObject', [reference('Dataset', 200)])).rejects.toMatchObject({
        code: 'OMERO_OBJECT_GONE',
        message: expect.stringContaining('[ome.model.containers.Dataset#200]'),
      });
    },
  );

  test('the context of a call arrives', async () => {
    const link = await linkTo(await start({}));
    expect(await link.call('IConfig', 'getConfigValue', ['omero.group'], { group: 'all' })).toBe('-1');
    expect(await link.call('IConfig', 'getConfigValue', ['omero.group'], { group: 12 })).toBe('12');
    expect(await link.call('IConfig', 'getConfigValue', ['omero.agent'])).toBe('biomero-bridge');
  });

  test('any object of any class survives the way there and back', async () => {
    const { config } = await start({});
    const connection = await IceConnection.connect({ host: config.host, port: config.port, schema });
    onTestFinished(() => connection.close());
    const context = { 'omero.client.uuid': 'c' };
    const call = (target: { category: string; name: string }, iface: string, operation: string, args: unknown[]) =>
      connection.invoke(target, iface, operation, args, { context }).then((r) => r.result);
    const routerId = { category: 'OMERO.Glacier2', name: 'router' };
    const session = (await call(routerId, 'Router', 'createSession', ['a', 'secret'])) as IceProxy;
    await call(routerId, 'Router', 'addProxies', [[session]]);
    const update = (await call(session.identity, 'ServiceFactory', 'getUpdateService', [])) as IceProxy;
    await call(routerId, 'Router', 'addProxies', [[update]]);
    const types = [...schema.classes.keys()].filter((id) => schema.isA(id, '::omero::model::IObject'));
    expect(types.length).toBeGreaterThan(60);
    for (const typeId of types)
      await fc.assert(
        fc.asyncProperty(anyInstance(schema, typeId, 2), async (object) => {
          expect(await call(update.identity, 'IUpdate', 'saveAndReturnObject', [object])).toEqual(object);
        }),
        { numRuns: 4 },
      );
    const event: IceObject = { $type: '::omero::model::Event', id: rlong(1), loaded: true };
    event['containingEvent'] = event;
    const back = (await call(update.identity, 'IUpdate', 'saveAndReturnObject', [event])) as IceObject;
    expect(back['containingEvent']).toBe(back);
  });

  test('signs of life keep a session that a silent client loses', async () => {
    const peers = await start({ sessionTimeout: 1 });
    const link = await linkTo(peers);
    const silent = await IceConnection.connect({ host: '127.0.0.1', port: peers.config.port, schema });
    const args = ['a', 'secret'];
    const context = { 'omero.client.uuid': 'silent' };
    await silent.invoke({ category: 'OMERO.Glacier2', name: 'router' }, 'Router', 'createSession', args, { context });
    expect(await silent.closed).toMatchObject({ name: 'IceConnectionError' });
    expect(await link.call('IConfig', 'getVersion', [])).toBe('5.6.14-ice36');
    await link.keepAlive();
    expect(link.lost.aborted).toBe(false);
  });

  test.each(['certificate', 'anonymous'] as const)('over TLS with %s', async (ssl) => {
    const peers = await start({ ssl });
    const link = await linkTo(peers);
    expect(await link.call('IConfig', 'getVersion', [])).toBe('5.6.14-ice36');
    await expect(OmeroLink.open({ ...peers.config, tls: 'verify' }, 'a', 'secret')).rejects.toMatchObject({
      code: 'OMERO_TLS_REFUSED',
    });
  });

  test('the certificate of the router is judged by its authority and name, or by its fingerprint', async () => {
    const peers = await start({ ssl: 'certificate' });
    const caFile = join(await temporaryFolder('ca'), 'ca.pem');
    await writeFile(caFile, testCertificate);
    const { fingerprint256 } = new X509Certificate(testCertificate);
    const verify = { ...peers.config, tls: 'verify' } as const;
    await linkTo({ ...peers, config: { ...verify, host: 'localhost', caFile } });
    await linkTo({ ...peers, config: { ...verify, fingerprint: fingerprint256.replaceAll(':', '').toLowerCase() } });
    const refused = (config: OmeroConfig): Promise<unknown> => OmeroLink.open(config, 'a', 'secret').catch((e) => e);
    expect(await refused({ ...verify, caFile }), 'another name').toMatchObject({ code: 'OMERO_TLS_REFUSED' });
    expect(await refused(verify), 'the sentence has what can be pinned').toMatchObject({
      message: expect.stringContaining(
        `the certificate is self-signed; the certificate has the SHA-256 fingerprint ${fingerprint256}`,
      ),
    });
    expect(await refused({ ...verify, fingerprint: '00'.repeat(32) })).toMatchObject({
      message: expect.stringContaining('is not the pinned one'),
    });
  });

  test('20,000 rows in one answer, and again while other calls are under way', async () => {
    const link = await linkTo(await start({}));
    const query = (count: number): Promise<unknown> =>
      link.call('IQuery', 'projection', [`rows ${count}`, parameters({})]);
    const [rows, ...few] = (await Promise.all([query(20_000), ...[1, 2, 3].map(query)])) as IceObject[][][];
    expect(few.map((r) => r.length)).toEqual([1, 2, 3]);
    expect(rows).toHaveLength(20_000);
    expect(rows?.[19_999]?.map(unwrap)).toEqual([19_999, 'image 19999.ome.tiff', 4999.75]);
  });

  test.each(['5.3.5-ice36-b73', '4.4.12'])(
    'an OMERO of version %s is refused, with both versions named',
    async (version) => {
      const { config } = await start({ version });
      await expect(OmeroLink.open(config, 'alice', 'secret')).rejects.toMatchObject({
        code: 'OMERO_TOO_OLD',
        message: `OMERO at 127.0.0.1:${config.port} has version ${version}; 5.4 is the oldest that can be used.`,
      });
    },
  );

  test('what gives no version of OMERO is refused', async () => {
    const { config } = await start({ version: 'dev' });
    await expect(OmeroLink.open(config, 'alice', 'secret')).rejects.toMatchObject({
      code: 'OMERO_ANSWER_INVALID',
      message: expect.stringContaining('it gives its version as "dev"'),
    });
  });
});

describeWithPart('Glacier2', available, 'a connection that breaks', () => {
  test('the router is killed in mid-call and restarted: reads are repeated, a write is told, the session goes on', async () => {
    const peers = await start({});
    const session = await OmeroSession.signIn(peers.config);
    onTestFinished(() => session.close());
    const link = await linkTo({ ...peers, config: { ...peers.config, user: session.key, password: session.key } });
    const read = link.call('IConfig', 'getConfigValue', ['sleep:0.4']);
    const write = link.call('IUpdate', 'saveArray', [[]]).catch((error: unknown) => error);
    await sleep(150);
    await peers.restartRouter(200);
    expect(await read).toBe('sleep:0.4');
    expect(await write).toMatchObject({
      code: 'OMERO_INTERRUPTED',
      retryable: true,
      message: expect.stringContaining('IUpdate.saveArray'),
    });
    expect((await session.readContext()).sessionUuid).toBe(session.key);
    expect([session.lost.aborted, link.lost.aborted]).toEqual([false, false]);
    await link.keepAlive();
  });

  test('a cut line: the router ends its session, the one of OMERO is joined again', async () => {
    const peers = await start({});
    const line = await lineTo(peers.config.port);
    const session = await OmeroSession.signIn({ ...peers.config, port: line.port });
    onTestFinished(() => session.close());
    for (let i = 0; i < 3; i++) {
      const answers = Promise.all(Array.from({ length: 20 }, () => session.version()));
      line.cut();
      expect(await answers).toEqual(Array(20).fill('5.6.14-ice36'));
      expect((await session.readContext()).sessionUuid).toBe(session.key);
    }
    expect(session.lost.aborted).toBe(false);
  });

  test('a router that stays away: calls wait, can be aborted, and end with a lost session', async () => {
    const peers = await start({});
    const link = await linkTo({ ...peers, config: { ...peers.config, reconnectSeconds: 2 } });
    peers.killRouter();
    await expect
      .poll(() => link.call('IConfig', 'getVersion', [], { signal: AbortSignal.timeout(50) }).catch((e) => e.name))
      .toBe('TimeoutError');
    await expect(link.call('IConfig', 'getVersion', [])).rejects.toMatchObject({
      code: 'OMERO_SESSION_LOST',
      message: expect.stringContaining('cannot be reached'),
    });
    expect(link.lost.aborted).toBe(true);
  });

  test('without reconnecting, the session is lost at once', async () => {
    const peers = await start({});
    const link = await linkTo({ ...peers, config: { ...peers.config, reconnectSeconds: 0 } });
    const call = link.call('IConfig', 'getConfigValue', ['sleep:5']);
    peers.killRouter();
    await expect(call).rejects.toMatchObject({ code: 'OMERO_SESSION_LOST' });
    expect(link.lost.aborted).toBe(true);
  });

  test('a router that forgets proxies gets them again', async () => {
    const link = await linkTo(await start({ routingTable: 2 }));
    for (let i = 0; i < 3; i++) {
      expect(await link.call('IConfig', 'getVersion', [])).toBe('5.6.14-ice36');
      expect(await link.call('IQuery', 'projection', ['rows 1', parameters({})])).toHaveLength(1);
      expect(await link.call('IAdmin', 'getEventContext', [])).toMatchObject({ userName: 'alice' });
      expect(await link.call('IUpdate', 'saveAndReturnIds', [[]])).toEqual([]);
    }
    await link.keepAlive();
  });

  test('an object that the router has forgotten in the midst of several calls does not end the session', async () => {
    const link = await linkTo(await start({}));
    const lookUp = link.together('reading a table', {}, (session) =>
      session.invoke(proxyTo('session-none', 'forgotten'), 'IConfig', 'getVersion', []),
    );
    await expect(lookUp).rejects.toMatchObject({ code: 'OMERO_INTERRUPTED', params: { operation: 'reading a table' } });
    expect(link.lost.aborted).toBe(false);
    expect(await link.call('IConfig', 'getVersion', [])).toBe('5.6.14-ice36');
  });

  test('time-outs and aborted calls leave the connection as it is', async () => {
    const link = await linkTo(await start({}));
    const slow = Array.from({ length: 6 }, (_, i) =>
      link.call('IConfig', 'getConfigValue', [`sleep:0.${i}1`], { timeoutMs: 20 }).catch((e) => e.code),
    );
    const aborted = link
      .call('IConfig', 'getConfigValue', ['sleep:0.3'], { signal: AbortSignal.timeout(30) })
      .catch((e) => e.name);
    expect(await Promise.all(slow)).toContain('OMERO_TIMEOUT');
    expect(await aborted).toBe('TimeoutError');
    // The late answers of those calls arrive among these.
    for (let i = 0; i < 100; i++) expect(await link.call('IConfig', 'getConfigValue', [`k${i}`])).toBe(`k${i}`);
    expect(link.lost.aborted).toBe(false);
  });
});

/** A line to a port of this machine that can be cut: both ends see a connection that breaks. */
async function lineTo(port: number): Promise<{ port: number; cut(): void }> {
  const ends = new Set<Socket>();
  const server = createServer((here) => {
    const there = connect(port, '127.0.0.1');
    for (const [end, other] of [
      [here, there],
      [there, here],
    ] as const) {
      ends.add(end);
      end.on('error', () => undefined);
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const end of ends) end.resetAndDestroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, cut };
}
