import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestOmero, type TestOmero } from '../../embedded/omero/testing.ts';
import type { OmeroConfig } from '../../config/config.ts';
import { newObject } from '../model.ts';
import { rstring } from '../rtypes.ts';
import { OmeroSession } from '../session.ts';
import type { CreatedContainer } from './containers.ts';

let omero: TestOmero;
const open: OmeroSession[] = [];
beforeAll(async () => {
  omero = await startTestOmero();
});
afterEach(async () => {
  for (const session of open.splice(0)) await session.close();
});
afterAll(() => omero?.drop());

async function as(user: string, group: string): Promise<OmeroSession> {
  const config = { host: '127.0.0.1', port: omero.port, transport: 'tcp' } as unknown as OmeroConfig;
  const admin = await OmeroSession.signIn(config, { user: 'bridge', password: 'bridge-secret' });
  open.push(admin);
  const session = await admin.sudo(user, group);
  open.push(session);
  return session;
}

const childTypes = { Project: 'Dataset', Dataset: 'Image', Screen: 'Plate' } as const;

async function children(session: OmeroSession, type: CreatedContainer, count: number): Promise<number[]> {
  const objects = Array.from({ length: count }, (_, i) => newObject(childTypes[type], { name: rstring(`${i}`) }));
  return session.saveGraphs(objects);
}

test.each(['Project', 'Dataset', 'Screen'] as const)('a %s is made, found by name, and filled once', async (type) => {
  const alice = await as('alice', 'annotate');
  const name = `a new ${type} 100%_'"`;
  const id = await alice.createContainer(type, name, 'what it is for');
  expect(await alice.findContainersByName(type, name)).toEqual([{ id, name, ownerId: alice.context.userId }]);
  expect(await alice.findContainer(type, id)).toMatchObject({ id, name });

  const ids = await children(alice, type, 450);
  await alice.putInto({ type, id }, ids.slice(0, 3));
  // Some are there already, one is named twice.
  await alice.putInto({ type, id }, [...ids, ids[7] ?? 0]);
  const { rows } = await omero.database.pool.query<{ child: number }>(
    `select (data->>'child')::int as child from omero_standin.objects
     where class = $3 and (data->>'parent')::int = $1 and (data->>'child')::int = any($2)`,
    [id, ids, { Project: 'ProjectDatasetLink', Dataset: 'DatasetImageLink', Screen: 'ScreenPlateLink' }[type]],
  );
  expect(rows.map((row) => row.child).toSorted((a, b) => a - b)).toEqual(ids.toSorted((a, b) => a - b));
});

test('what somebody else has put there stays, and what one may not is refused', async () => {
  const alice = await as('alice', 'readonly');
  const bob = await as('bob', 'readonly');
  const hers = await alice.createContainer('Dataset', 'hers', '');
  const [image = 0] = await children(alice, 'Dataset', 1);
  await alice.putInto({ type: 'Dataset', id: hers }, [image]);
  await bob.putInto({ type: 'Dataset', id: hers }, [image]);
  const [his = 0] = await children(bob, 'Dataset', 1);
  await expect(bob.putInto({ type: 'Dataset', id: hers }, [his])).rejects.toMatchObject({
    code: 'OMERO_NOT_PERMITTED',
  });
  await expect(alice.putInto({ type: 'Dataset', id: 987_654_321 }, [image])).rejects.toMatchObject({
    code: 'OMERO_OBJECT_GONE',
  });
});
