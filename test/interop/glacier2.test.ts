import { spawnSync, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { OmeroConfig } from '../../src/config/config.ts';
import { packageFile } from '../../src/lib/package-root.ts';
import { IceConnection } from '../../src/omero/ice/connection.ts';
import { IceSchema } from '../../src/omero/ice/schema.ts';
import type { IceObject, IceProxy } from '../../src/omero/ice/values.ts';
import { OmeroLink } from '../../src/omero/link.ts';
import { newObject, reference } from '../../src/omero/model.ts';
import { parameters } from '../../src/omero/queries/project.ts';
import { rlong, rstring, unwrap } from '../../src/omero/rtypes.ts';
import { OmeroSession } from '../../src/omero/session.ts';
import { anyInstance } from '../support/ice-values.ts';
import { childOfTest, glacier2router, startGlacier2 } from '../support/glacier2-router.ts';
import { describeWithPart } from '../support/optional-part.ts';

// Our client through ZeroC's own router to servants on ZeroC's own runtime: the codec cannot agree only with itself.
/** Debian's Python: the one that has the package `python3-zeroc-ice`. */
const python = '/usr/bin/python3';
const available = glacier2router !== null && spawnSync(python, ['-c', 'import Ice, Glacier2']).status === 0;
const schema = IceSchema.omero();

interface Peers {
  config: OmeroConfig;
}

async function start(options: {
  ssl?: 'certificate' | 'anonymous';
  sessionTimeout?: number;
  encoding?: string;
}): Promise<Peers> {
  const servants = childOfTest(python, [
    packageFile('test', 'interop', 'omero_servants.py'),
    `Ice.Default.EncodingVersion=${options.encoding ?? '1.0'}`,
  ]);
  const { ssl, sessionTimeout } = options;
  const { port } = await startGlacier2({ backPort: await readyPort(servants), ssl, sessionTimeout });
  const tls = ssl === 'anonymous' ? 'anonymous' : 'self-signed';
  const transport = ssl ? 'ssl' : 'tcp';
  const account = { user: 'alice', password: 'secret', caFile: null, webUrl: null } as const;
  return { config: { host: '127.0.0.1', port, transport, tls, ...account } };
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
    expect(session.context).toMatchObject({ userName: 'admin', groupName: 'lab', groupId: 4, memberOfGroups: [4] });
    expect(session.key).toMatch(/^session-[0-9a-f-]{36}$/);
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
});
