import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OmeroConfig } from '../config/config.ts';
import { bridgeAccount, startTestOmero, type TestOmero } from '../embedded/omero/testing.ts';
import { OmeroSession } from './session.ts';

let omero: TestOmero;
let config: OmeroConfig;

beforeAll(async () => {
  omero = await startTestOmero();
  config = bridgeAccount(omero);
});
afterAll(() => omero?.drop());

async function admin(): Promise<OmeroSession> {
  const session = await OmeroSession.signIn(config);
  onTestFinished(() => session.close());
  return session;
}

async function as(user: string, group: string): Promise<OmeroSession> {
  const session = await (await admin()).sudo(user, group);
  onTestFinished(() => session.close());
  return session;
}

describe('signing in', () => {
  test('the service account: who it is, the version, where the repository is', async () => {
    const session = await admin();
    expect(session.context).toMatchObject({ userName: 'bridge', isAdmin: true });
    expect(session.key).toBe(session.context.sessionUuid);
    expect(await session.version()).toMatch(/^\d+\.\d+/);
    expect(await session.managedRepositoryPath()).toBe(omero.managedRepository);
    expect(session.lost.aborted).toBe(false);
  });

  test('a wrong password is refused in words, without the password', async () => {
    const attempt = OmeroSession.signIn(config, { user: 'alice', password: 'not-it' });
    await expect(attempt).rejects.toMatchObject({ code: 'OMERO_SIGN_IN_REFUSED', params: { user: 'alice' } });
    await expect(attempt).rejects.not.toThrow(/not-it/);
  });

  test('an unknown session key is refused, and is not in the error', async () => {
    const key = '99999999-0000-0000-0000-000000000000';
    const error = await OmeroSession.join(config, key).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'OMERO_SIGN_IN_REFUSED' });
    expect((error as Error).message).not.toContain(key);
  });

  test('nobody listens', async () => {
    await expect(OmeroSession.signIn({ ...config, port: 1 })).rejects.toMatchObject({
      code: 'OMERO_UNREACHABLE',
      retryable: true,
    });
  });

  test('a CA file that is not there is named', async () => {
    const tls = { ...config, transport: 'ssl', caFile: '/nowhere/ca.pem' } as const;
    await expect(OmeroSession.signIn(tls)).rejects.toThrow(
      'The CA file /nowhere/ca.pem for OMERO cannot be read: ENOENT.',
    );
  });
});

describe('working as another user', () => {
  test('in the group asked for, on a session of its own', async () => {
    const session = await as('alice', 'annotate');
    expect(session.context).toMatchObject({ userName: 'alice', groupName: 'annotate', isAdmin: false });
    expect(session.context.memberOfGroups).toContain(session.context.groupId);
  });

  test.each([
    ['nobody', 'annotate', 'OMERO_USER_UNKNOWN'],
    ['alice', 'no such group', 'OMERO_GROUP_UNKNOWN'],
    ['alice', '', 'OMERO_GROUP_UNKNOWN'],
    ['carol', 'annotate', 'OMERO_NOT_IN_GROUP'],
  ])('%s in %j: %s', async (user, group, code) => {
    await expect((await admin()).sudo(user, group)).rejects.toMatchObject({ code });
  });

  test('"user" is OMERO\'s word for the default group, and not a group to work in', async () => {
    await expect((await admin()).sudo('alice', 'user')).rejects.toMatchObject({ code: 'OMERO_NOT_IN_GROUP' });
  });

  test('an ordinary user may not', async () => {
    const alice = await OmeroSession.signIn(config, { user: 'alice', password: 'alice-secret' });
    onTestFinished(() => alice.close());
    await expect(alice.sudo('bob', 'annotate')).rejects.toMatchObject({ code: 'OMERO_SUDO_REFUSED' });
  });

  test('closing ends the session for everybody who joined it', async () => {
    const session = await (await admin()).sudo('alice', 'annotate');
    const joined = await OmeroSession.join(config, session.key);
    onTestFinished(() => joined.close());
    await session.close();
    expect(session.lost.aborted, 'an end that was asked for is no loss').toBe(false);
    await expect(joined.keepAlive()).rejects.toMatchObject({ code: 'OMERO_SESSION_LOST' });
    expect(joined.lost.aborted).toBe(true);
    await expect(OmeroSession.join(config, session.key)).rejects.toMatchObject({ code: 'OMERO_SIGN_IN_REFUSED' });
  });

  test('leaving a joined session leaves it to the others', async () => {
    const session = await as('alice', 'annotate');
    const joined = await OmeroSession.join(config, session.key);
    expect(joined.context).toEqual({ ...session.context });
    await joined.close();
    await session.keepAlive();
  });

  test('closeSession ends a session by its id, once, however many have joined', async () => {
    const session = await as('alice', 'annotate');
    const joined = await OmeroSession.join(config, session.key);
    onTestFinished(() => joined.close());
    const service = await admin();
    expect(await service.closeSession(session.context.sessionId)).toBe('closed');
    expect(await service.closeSession(session.context.sessionId)).toBe('gone');
    expect(await service.closeSession(987_654_321)).toBe('gone');
    await expect(joined.findUser('alice')).rejects.toMatchObject({ code: 'OMERO_SESSION_LOST' });
  });

  test('an idle session ends, one that is kept alive does not', async () => {
    const service = await admin();
    const [idle, busy] = [
      await service.sudo('alice', 'annotate', { idleMs: 700 }),
      await service.sudo('alice', 'annotate', { idleMs: 700 }),
    ];
    onTestFinished(async () => {
      await idle.close();
      await busy.close();
    });
    for (let i = 0; i < 8; i++) {
      await sleep(200);
      await busy.keepAlive();
    }
    await expect(idle.findUser('alice')).rejects.toMatchObject({ code: 'OMERO_SESSION_LOST' });
  });
});

describe('people and groups', () => {
  test('users and groups by name, and who is where', async () => {
    const session = await admin();
    const alice = await session.findUser('alice');
    expect(alice).toMatchObject({ name: 'alice' });
    expect(await session.findUser("o'nobody")).toBeNull();
    const permissions = await Promise.all(
      ['private', 'readonly', 'annotate', 'write', 'none'].map(async (g) => (await session.findGroup(g))?.permissions),
    );
    expect(permissions).toEqual(['rw----', 'rwr---', 'rwra--', 'rwrw--', undefined]);
    const groups = await session.groupsOf(alice?.id ?? -1);
    expect(groups.map((g) => g.name)).toEqual(expect.arrayContaining(['readonly', 'private', 'annotate', 'write']));
    expect(groups.find((g) => g.name === 'write')?.leader).toBe(true);
    expect(groups.find((g) => g.name === 'annotate')?.leader).toBe(false);
  });
});

describe('datasets and annotations', () => {
  test("a dataset is created in the session's group and found by id and name, own first", async () => {
    const [alice, bob] = [await as('alice', 'write'), await as('bob', 'write')];
    const name = `nuclei ${Date.now()} µm`;
    const bobs = await bob.createDataset(name, 'of bob');
    const own = await alice.createDataset(name, '');
    expect(await alice.findContainer('Dataset', own)).toEqual({
      id: own,
      name,
      groupId: alice.context.groupId,
      ownerId: alice.context.userId,
    });
    expect((await alice.findDatasetsByName(name)).map((d) => d.id)).toEqual([own, bobs]);
    expect(await (await as('alice', 'annotate')).findDatasetsByName(name), 'another group').toEqual([]);
    expect(await alice.findContainer('Dataset', 987_654_321)).toBeNull();
    expect(await alice.findContainer('Screen', own)).toBeNull();
    expect(await alice.imagesIn(own)).toEqual([]);
  });

  test("others' private data are not seen", async () => {
    const id = await (await as('alice', 'private')).createDataset('secret', '');
    expect(await (await as('bob', 'private')).findContainer('Dataset', id)).toBeNull();
  });

  test('annotations keep order and repeated keys, and are written once', async () => {
    const session = await as('alice', 'annotate');
    const ids = await Promise.all([1, 2, 3].map((i) => session.createDataset(`d${i}`, '')));
    const targets = ids.map((id) => ({ type: 'Dataset' as const, id }));
    const ns = `biomero.test.${Date.now()}`;
    const pairs: [string, string][] = [
      ['Workflow', 'nuclei'],
      ['Param', '2'],
      ['Param', '1'],
      ['Ünï', ''],
    ];
    await session.annotate(targets.slice(0, 1), ns, pairs);
    await session.annotate(targets, ns, pairs);
    await session.annotate(targets, ns, pairs);
    const found = await session.mapAnnotations('Dataset', ids, ns);
    expect(found.map((a) => a.targetId).toSorted((a, b) => a - b)).toEqual(ids);
    expect(new Set(found.map((a) => a.annotationId)).size, 'each has its own').toBe(3);
    for (const annotation of found) expect(annotation).toMatchObject({ ns, pairs });
    await session.annotate(targets, ns, [...pairs, ['more', 'x']]);
    expect(await session.mapAnnotations('Dataset', ids, ns), 'other pairs are another annotation').toHaveLength(6);
    expect(await session.mapAnnotations('Dataset', ids)).toHaveLength(6);
    expect(await session.mapAnnotations('Dataset', ids, 'other')).toEqual([]);
  });

  test('with a key, the value under it decides whether the annotation is there', async () => {
    const session = await as('alice', 'annotate');
    const id = await session.createDataset('keyed', '');
    const target = [{ type: 'Dataset' as const, id }];
    const write = (task: string, state: string) =>
      session.annotate(
        target,
        'biomero.keyed',
        [
          ['Task', task],
          ['State', state],
        ],
        { key: 'Task' },
      );
    await write('t1', 'a');
    await write('t1', 'b');
    await write('t2', 'a');
    const found = await session.mapAnnotations('Dataset', [id], 'biomero.keyed');
    expect(found.map((a) => a.pairs)).toEqual([
      [
        ['Task', 't1'],
        ['State', 'a'],
      ],
      [
        ['Task', 't2'],
        ['State', 'a'],
      ],
    ]);
  });

  test('more targets than one call takes', async () => {
    const session = await as('alice', 'annotate');
    const ids: number[] = [];
    for (let i = 0; i < 410; i++) ids.push(await session.createDataset(`many ${i}`, ''));
    await session.annotate(
      ids.map((id) => ({ type: 'Dataset', id })),
      'biomero.many',
      [['k', 'v']],
    );
    expect(await session.mapAnnotations('Dataset', ids, 'biomero.many')).toHaveLength(410);
  });

  test("a target that is gone, and one that may not be annotated, are said with OMERO's own words", async () => {
    const alice = await as('alice', 'readonly');
    const id = await alice.createDataset('mine', '');
    await expect(alice.annotate([{ type: 'Dataset', id: 987_654_321 }], 'n', [['k', 'v']])).rejects.toMatchObject({
      code: 'OMERO_OBJECT_GONE',
      message: expect.stringContaining('No row with the given identifier exists'),
    });
    const bob = await as('bob', 'readonly');
    expect(await bob.findContainer('Dataset', id)).not.toBeNull();
    await expect(bob.annotate([{ type: 'Dataset', id }], 'n', [['k', 'v']])).rejects.toMatchObject({
      code: 'OMERO_NOT_PERMITTED',
    });
  });

  test('asking for nothing asks nothing', async () => {
    const session = await admin();
    expect(await session.filesetsByClientPath([])).toEqual([]);
    expect(await session.storedFilesOf([])).toEqual([]);
    expect(await session.unfinishedImportJobs([])).toEqual([]);
    await session.annotate([], 'n', [['k', 'v']]);
  });
});

describe('the connection', () => {
  test('many calls at once share it', async () => {
    const session = await admin();
    const found = await Promise.all(Array.from({ length: 100 }, () => session.findUser('alice')));
    expect(new Set(found.map((u) => u?.id)).size).toBe(1);
  });

  test('a server that ends is a lost session, and signing in anew works', async () => {
    const own = await startTestOmero();
    onTestFinished(async () => {
      await own.database.drop();
      await rm(own.directory, { recursive: true, force: true });
    });
    const there = { ...config, port: own.port, reconnectSeconds: 1 };
    const session = await OmeroSession.signIn(there);
    await own.close();
    await expect.poll(() => session.lost.aborted, { timeout: 5_000 }).toBe(true);
    expect(session.lost.reason).toMatchObject({ code: 'OMERO_SESSION_LOST' });
    await expect(session.findUser('alice')).rejects.toMatchObject({ code: 'OMERO_SESSION_LOST' });
    await session.close();
    await expect(OmeroSession.signIn(there)).rejects.toMatchObject({ code: 'OMERO_UNREACHABLE' });
  });
});

test('a session that the service account has not opened is not called gone while it is open', async () => {
  const alice = await OmeroSession.signIn(config, { user: 'alice', password: 'alice-secret' });
  onTestFinished(() => alice.close());
  const service = await OmeroSession.signIn(config);
  onTestFinished(() => service.close());
  await expect(service.closeSession(alice.context.sessionId)).rejects.toMatchObject({ code: 'OMERO_NOT_PERMITTED' });
});
