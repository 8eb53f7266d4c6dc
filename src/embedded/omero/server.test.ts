import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rlong, rstring, unwrap } from '../../omero/rtypes.ts';
import { IceConnectionError, IceDispatchError, IceException, type IceObject } from '../../omero/ice/values.ts';
import {
  dataset,
  fresh,
  parameters,
  passwords,
  reference,
  router,
  startTestOmero,
  TestClient,
  type TestOmero,
} from './testing.ts';

let omero: TestOmero;
beforeAll(async () => {
  omero = await startTestOmero();
});
afterAll(() => omero?.drop());

/** The user exception that a call ends with. */
async function refusal(call: Promise<unknown>): Promise<{ type: string; message: string }> {
  const error = await call.then(
    () => new Error('it succeeded'),
    (e: unknown) => e,
  );
  if (!(error instanceof IceException)) throw error;
  return { type: error.typeId.replace('::omero::', ''), message: error.message };
}

async function sudo(client: TestClient, name: string, group: string, ttl = 0, idle = 60_000): Promise<IceObject> {
  const principal = { $type: '::omero::sys::Principal', name, group, eventType: 'User' };
  return (await client.call('ISession', 'createSessionWithTimeouts', [principal, ttl, idle])) as IceObject;
}

const keyOf = (session: IceObject): string => String(unwrap(session['uuid']));
const join = (key: string): Promise<TestClient> => TestClient.open(omero.port, key, key);

describe('signing in', () => {
  it('takes the right password and tells who one is', async () => {
    const client = await TestClient.named(omero.port, 'alice');
    const context = (await client.call('IAdmin', 'getEventContext', [])) as IceObject;
    expect(context).toMatchObject({ userName: 'alice', groupName: 'readonly', isAdmin: false, adminPrivileges: [] });
    client.close();
  });

  it('refuses a wrong password, an unknown user and a missing client uuid', async () => {
    for (const [user, password] of [
      ['alice', 'wrong'],
      ['nobody', 'x'],
      ['alice', 'alice'],
      ['guest', ''],
    ] as const)
      expect((await refusal(TestClient.open(omero.port, user, password))).type).toBe(
        '::Glacier2::PermissionDeniedException',
      );
    const client = await TestClient.named(omero.port, 'alice');
    const again = client.connection.invoke(router, 'Router', 'createSession', ['alice', passwords.alice]);
    expect((await refusal(again)).type).toBe('WrappedCreateSessionException');
    client.close();
  });

  it('starts in a group only for its members', async () => {
    const client = await TestClient.named(omero.port, 'alice', 'annotate');
    expect(await client.call('IAdmin', 'getEventContext', [])).toMatchObject({ groupName: 'annotate' });
    client.close();
    const refused = await refusal(TestClient.named(omero.port, 'carol', 'annotate'));
    expect(refused.type).toBe('WrappedCreateSessionException');
  });

  it('routes only proxies that were made known', async () => {
    const client = await TestClient.named(omero.port, 'alice');
    const proxy = (await client.call('ServiceFactory', 'getQueryService', [])) as { identity: never };
    const call = client.connection.invoke(proxy.identity, 'IQuery', 'find', ['Dataset', 1]);
    await expect(call).rejects.toBeInstanceOf(IceDispatchError);
    client.close();
  });

  it('refuses an operation that it does not have by its name', async () => {
    const client = await TestClient.named(omero.port, 'alice');
    const refused = await refusal(client.call('IQuery', 'findAllByFullText', ['Image', 'x', null]));
    expect(refused).toEqual({
      type: 'ApiUsageException',
      message: expect.stringContaining('IQuery.findAllByFullText'),
    });
    const query = await refusal(client.rows('select sum(i.id) from Image i'));
    expect(query).toEqual({
      type: 'ApiUsageException',
      message: expect.stringContaining('[select sum(i.id) from Image i]'),
    });
    client.close();
  });
});

describe('sessions of others', () => {
  it('are made by administrators with the privilege, for members of the group', async () => {
    const admin = await TestClient.open(omero.port, 'bridge', 'bridge-secret');
    const session = await sudo(admin, 'bob', 'annotate');
    const bob = await join(keyOf(session));
    expect(await bob.call('IAdmin', 'getEventContext', [])).toMatchObject({
      userName: 'bob',
      groupName: 'annotate',
      sessionId: unwrap(session['id']),
      sudoerName: rstring('bridge'),
    });
    expect((await refusal(sudo(admin, 'carol', 'annotate'))).type).toBe('SecurityViolation');
    expect((await refusal(sudo(admin, 'nobody', 'annotate'))).message).toBe('No such user: nobody');
    expect((await refusal(sudo(admin, 'bob', 'nowhere'))).message).toBe('No such group: nowhere');
    const root = await join(keyOf(await sudo(admin, 'root', '')));
    expect(await root.call('IAdmin', 'getEventContext', [])).toMatchObject({
      isAdmin: true,
      adminPrivileges: ['Sudo'],
    });
    for (const client of [admin, bob, root]) client.close();
  });

  it('are made by group owners for their group only', async () => {
    const alice = await TestClient.named(omero.port, 'alice');
    expect(keyOf(await sudo(alice, 'bob', 'write'))).toMatch(/^[0-9a-f-]{36}$/);
    expect((await refusal(sudo(alice, 'bob', 'readonly'))).message).toContain('Group sudo is not permitted');
    const bob = await TestClient.named(omero.port, 'bob');
    expect((await refusal(sudo(bob, 'alice', 'write'))).type).toBe('SecurityViolation');
    for (const client of [alice, bob]) client.close();
  });

  it('end with the last who leaves, when closed often enough, and take their connections along', async () => {
    const admin = await TestClient.open(omero.port, 'bridge', 'bridge-secret');
    const session = await sudo(admin, 'bob', 'annotate');
    const key = keyOf(session);
    const [first, second] = [await join(key), await join(key)];
    expect(await admin.call('ISession', 'getReferenceCount', [key])).toBe(2);
    first.close();
    await expect.poll(() => admin.call('ISession', 'getReferenceCount', [key])).toBe(1);
    expect(await admin.call('ISession', 'closeSession', [session])).toBe(-2);
    await second.connection.closed;
    await expect(second.rows('select d.id from Dataset d')).rejects.toBeInstanceOf(IceConnectionError);
    expect(await admin.call('ISession', 'closeSession', [session])).toBe(-1);
    expect((await refusal(join(key))).type).toBe('::Glacier2::PermissionDeniedException');
    const open = await admin.rows('select s.id from Session s where s.id = :id and s.closed is null', {
      id: unwrap(session['id']),
    });
    expect(open).toEqual([]);
    admin.close();
  });

  it('end after their time and after idling', async () => {
    const admin = await TestClient.open(omero.port, 'bridge', 'bridge-secret');
    const hard = await join(keyOf(await sudo(admin, 'bob', 'annotate', 300, 0)));
    const idle = await join(keyOf(await sudo(admin, 'bob', 'annotate', 0, 300)));
    const until = Date.now() + 600;
    while (Date.now() < until) {
      await idle.call('ServiceFactory', 'keepAlive', [null]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await hard.connection.closed;
    await idle.connection.closed;
    admin.close();
  });

  it('show their key to nobody but their owner and who made them', async () => {
    const admin = await TestClient.open(omero.port, 'bridge', 'bridge-secret');
    const session = await sudo(admin, 'bob', 'annotate');
    const alice = await TestClient.named(omero.port, 'alice');
    const query = 'select s.uuid from Session s where s.id = :id';
    const id = unwrap(session['id']);
    expect(await alice.rows(query, { id })).toEqual([['********']]);
    expect(await alice.rows('select s.id from Session s where s.uuid = :key', { key: keyOf(session) })).toEqual([]);
    expect(await admin.rows(query, { id })).toEqual([[keyOf(session)]]);
    for (const client of [admin, alice]) client.close();
  });
});

describe('saving', () => {
  it('gives ids per class, owner and group of the session, and reads back what was saved', async () => {
    const alice = await TestClient.named(omero.port, 'alice', 'annotate');
    const first = await alice.save(dataset('first'));
    const pairs = [
      ['b', '2'],
      ['a', '1'],
      ['b', '3'],
      ['', ' '],
    ].map(([name, value]) => ({
      $type: '::omero::model::NamedValue',
      name,
      value,
    }));
    const annotation = fresh('MapAnnotation', { ns: rstring('test'), mapValue: pairs });
    await alice.save(fresh('DatasetAnnotationLink', { parent: reference('Dataset', first), child: annotation }));
    const [found] = (await alice.call('IQuery', 'findAllByQuery', [
      'select a from DatasetAnnotationLink l join l.child a where l.parent.id = :id',
      parameters({ id: first }),
    ])) as IceObject[];
    expect(found?.['mapValue']).toEqual(pairs);
    const group = await alice.groupId('annotate');
    const query = 'select d.name, d.details.group.id, d.details.owner.omeName from Dataset d where d.id = :id';
    expect(await alice.rows(query, { id: first })).toEqual([['first', group, 'alice']]);
    alice.close();
  });

  it("refuses a reference to nothing in OMERO's words, and stores nothing of the call", async () => {
    const alice = await TestClient.named(omero.port, 'alice');
    const link = fresh('ProjectDatasetLink', { parent: reference('Project', 4711), child: dataset('orphan') });
    expect(await refusal(alice.save(link))).toEqual({
      type: 'ValidationException',
      message: 'No row with the given identifier exists: [ome.model.containers.Project#4711]',
    });
    expect(await alice.rows(`select d.id from Dataset d where d.name = 'orphan'`)).toEqual([]);
    alice.close();
  });

  it('refuses a second link of the same two, in one call and in two', async () => {
    const alice = await TestClient.named(omero.port, 'alice');
    const [parent, child] = [
      await alice.save(fresh('Project', { name: rstring('p') })),
      await alice.save(dataset('d')),
    ];
    const link = (): IceObject =>
      fresh('ProjectDatasetLink', { parent: reference('Project', parent), child: reference('Dataset', child) });
    const both = alice.call('IUpdate', 'saveAndReturnIds', [[link(), link()]]);
    expect((await refusal(both)).type).toBe('ValidationException');
    await alice.save(link());
    expect((await refusal(alice.save(link()))).message).toContain('projectdatasetlink_parent_child_owner_id_key');
    alice.close();
  });

  it('refuses all groups, a group that one is not in, missing names and classes that it does not keep', async () => {
    const carol = await TestClient.named(omero.port, 'carol');
    const alice = await TestClient.named(omero.port, 'alice');
    const group = String(await alice.groupId('readonly'));
    expect((await refusal(alice.save(dataset('x'), { 'omero.group': '-1' }))).type).toBe('ApiUsageException');
    expect((await refusal(carol.save(dataset('x'), { 'omero.group': group }))).type).toBe('SecurityViolation');
    expect((await refusal(alice.save(fresh('Dataset')))).message).toContain('ome.model.containers.Dataset.name');
    expect((await refusal(alice.save(fresh('Experimenter', { omeName: rstring('eve') })))).type).toBe(
      'SecurityViolation',
    );
    expect((await refusal(alice.save(dataset('a\0b')))).type).toBe('ValidationException');
    for (const client of [carol, alice]) client.close();
  });

  it('notices a change that another made meanwhile', async () => {
    const alice = await TestClient.named(omero.port, 'alice');
    const id = await alice.save(dataset('before'));
    const load = async (): Promise<IceObject> => (await alice.call('IQuery', 'get', ['Dataset', id])) as IceObject;
    const [mine, theirs] = [await load(), await load()];
    await alice.save({ ...theirs, name: rstring('theirs') });
    expect((await refusal(alice.save({ ...mine, name: rstring('mine') }))).type).toBe('OptimisticLockException');
    expect(unwrap((await load())['name'])).toBe('theirs');
    alice.close();
  });

  it("deletes only what is one's own and what nothing refers to", async () => {
    const [alice, bob] = [await TestClient.named(omero.port, 'alice'), await TestClient.named(omero.port, 'bob')];
    const project = await alice.save(fresh('Project', { name: rstring('p') }));
    const child = await alice.save(dataset('d'));
    const link = await alice.save(
      fresh('ProjectDatasetLink', { parent: reference('Project', project), child: reference('Dataset', child) }),
    );
    const remove = (client: TestClient, name: string, id: number): Promise<unknown> =>
      client.call('IUpdate', 'deleteObject', [reference(name, id)]);
    expect((await refusal(remove(alice, 'Dataset', child))).type).toBe('ValidationException');
    expect((await refusal(remove(bob, 'ProjectDatasetLink', link))).type).toBe('SecurityViolation');
    await remove(alice, 'ProjectDatasetLink', link);
    await remove(alice, 'Dataset', child);
    expect(await alice.call('IQuery', 'find', ['Dataset', child])).toBeNull();
    expect(await alice.save(dataset('next'))).toBeGreaterThan(child);
    for (const client of [alice, bob]) client.close();
  });
});

describe('rights in groups', () => {
  /** What bob may do with alice's dataset in each kind of group. */
  const matrix = [
    { group: 'private', reads: false, annotates: false, links: false, edits: false },
    { group: 'readonly', reads: true, annotates: false, links: false, edits: false },
    { group: 'annotate', reads: true, annotates: true, links: false, edits: false },
    { group: 'write', reads: true, annotates: true, links: true, edits: true },
  ];
  it.each(matrix)('$group', async ({ group, reads, annotates, links, edits }) => {
    const alice = await TestClient.named(omero.port, 'alice', group);
    const bob = await TestClient.named(omero.port, 'bob', group);
    const id = await alice.save(dataset('alices'));
    const can = async (work: Promise<unknown>): Promise<boolean> =>
      work.then(
        () => true,
        (error: unknown) => {
          expect((error as IceException).typeId).toBe('::omero::SecurityViolation');
          return false;
        },
      );
    const parent = reference('Dataset', id);
    const note = fresh('CommentAnnotation', { textValue: rstring('hello') });
    expect((await bob.rows('select d.id from Dataset d where d.id = :id', { id })).length > 0).toBe(reads);
    expect(await can(bob.save(fresh('DatasetAnnotationLink', { parent, child: note })))).toBe(annotates);
    const project = fresh('Project', { name: rstring('bobs') });
    expect(await can(bob.save(fresh('ProjectDatasetLink', { parent: project, child: parent })))).toBe(links);
    const changed = {
      ...((await alice.call('IQuery', 'get', ['Dataset', id])) as IceObject),
      name: rstring('changed'),
    };
    expect(await can(bob.save(changed))).toBe(edits);
    for (const client of [alice, bob]) client.close();
  });

  it('never link across groups', async () => {
    const alice = await TestClient.named(omero.port, 'alice', 'readonly');
    const id = await alice.save(dataset('here'));
    const there = String(await alice.groupId('annotate'));
    const link = fresh('ProjectDatasetLink', {
      parent: fresh('Project', { name: rstring('there') }),
      child: reference('Dataset', id),
    });
    const refused = await refusal(alice.save(link, { 'omero.group': there }));
    expect(refused).toEqual({ type: 'GroupSecurityViolation', message: expect.stringContaining('MIXED GROUP') });
    const carol = await TestClient.named(omero.port, 'carol');
    const foreign = fresh('ProjectDatasetLink', {
      parent: fresh('Project', { name: rstring('x') }),
      child: reference('Dataset', id),
    });
    expect((await refusal(carol.save(foreign))).type).toBe('SecurityViolation');
    expect(await carol.rows('select d.id from Dataset d')).toEqual([]);
    for (const client of [alice, carol]) client.close();
  });
});

describe('attachments', () => {
  it('are written and read in pieces', async () => {
    const alice = await TestClient.named(omero.port, 'alice');
    const file = await alice.save(fresh('OriginalFile', { name: rstring('a.csv'), path: rstring('/') }));
    await alice.call('RawFileStore', 'setFileId', [file]);
    await alice.call('RawFileStore', 'write', [new Uint8Array([1, 2, 3]), 0, 3]);
    await alice.call('RawFileStore', 'write', [new Uint8Array([4]), 3, 1]);
    await alice.call('RawFileStore', 'save', []);
    expect(await alice.call('RawFileStore', 'read', [1, 10])).toEqual(new Uint8Array([2, 3, 4]));
    expect(await alice.rows('select f.size from OriginalFile f where f.id = :id', { id: file })).toEqual([[4]]);
    expect((await refusal(alice.call('RawFileStore', 'read', [-1, 10]))).type).toBe('ApiUsageException');
    alice.close();
  });
});

describe('a restart', () => {
  it('keeps objects and passwords, closes all sessions, and gives no id twice', async () => {
    const own = await startTestOmero();
    const alice = await TestClient.named(own.port, 'alice');
    const { sessionUuid, sessionId } = (await alice.call('IAdmin', 'getEventContext', [])) as IceObject;
    const id = await alice.save(dataset('kept'));
    const gone = await alice.save(dataset('deleted'));
    await alice.call('IUpdate', 'deleteObject', [{ $type: '::omero::model::Dataset', id: rlong(gone), loaded: false }]);
    const again = await own.restart();
    await alice.connection.closed;
    const key = String(sessionUuid);
    expect((await refusal(TestClient.open(again.port, key, key))).type).toBe('::Glacier2::PermissionDeniedException');
    const later = await TestClient.named(again.port, 'alice');
    expect(await later.rows('select d.name from Dataset d where d.id = :id', { id })).toEqual([['kept']]);
    expect(
      await later.rows('select s.id from Session s where s.id = :id and s.closed is null', { id: sessionId }),
    ).toEqual([]);
    expect(await later.save(dataset('new'))).toBeGreaterThan(gone);
    const groups = await later.rows('select count(m) from GroupExperimenterMap m join m.child e where e.omeName = :n', {
      n: 'alice',
    });
    expect(groups).toEqual([[5]]);
    later.close();
    await again.drop();
  });
});
