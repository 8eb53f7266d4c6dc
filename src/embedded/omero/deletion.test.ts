import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { OmeroConfig } from '../../config/config.ts';
import type { IceObject } from '../../omero/ice/values.ts';
import { rint, rstring } from '../../omero/rtypes.ts';
import { OmeroSession } from '../../omero/session.ts';
import { dataset, fresh, reference, startTestOmero, TestClient, type TestOmero } from './testing.ts';

let omero: TestOmero;
beforeAll(async () => {
  omero = await startTestOmero();
});
afterAll(() => omero?.drop());

async function as(user: 'alice' | 'bob', group: string): Promise<{ session: OmeroSession; client: TestClient }> {
  const account = { user, password: `${user}-secret`, caFile: null, webUrl: null };
  const config: OmeroConfig = { host: '127.0.0.1', port: omero.port, transport: 'tcp', tls: 'verify', ...account };
  const admin = await OmeroSession.signIn({ ...config, user: 'bridge', password: 'bridge-secret' });
  const session = await admin.sudo(user, group);
  const client = await TestClient.named(omero.port, user, group);
  onTestFinished(async () => {
    client.close();
    await session.close();
    await admin.close();
  });
  return { session, client };
}

const image = (more: Record<string, unknown> = {}): IceObject =>
  fresh('Image', { name: rstring('image'), series: rint(0), ...more });
const link = (type: string, parent: IceObject, child: IceObject): IceObject => fresh(type, { parent, child });

async function there(client: TestClient, type: string, ids: number[]): Promise<number[]> {
  const rows = await client.rows(`select o.id from ${type} o where o.id in (:ids) order by o.id`, { ids });
  return rows.map(([id]) => Number(id));
}

test('a dataset goes with its images and their annotations; what others still have stays', async () => {
  const { session, client } = await as('alice', 'annotate');
  const [one, two] = [await client.save(dataset('one')), await client.save(dataset('two'))];
  const [own, shared] = [await client.save(image()), await client.save(image())];
  const [onlyHere, onBoth] = [
    await client.save(fresh('MapAnnotation', { ns: rstring('a') })),
    await client.save(fresh('MapAnnotation', { ns: rstring('b') })),
  ];
  for (const id of [own, shared])
    await client.save(link('DatasetImageLink', reference('Dataset', one), reference('Image', id)));
  await client.save(link('DatasetImageLink', reference('Dataset', two), reference('Image', shared)));
  for (const id of [onlyHere, onBoth])
    await client.save(link('ImageAnnotationLink', reference('Image', own), reference('MapAnnotation', id)));
  await client.save(link('DatasetAnnotationLink', reference('Dataset', two), reference('MapAnnotation', onBoth)));

  await session.deleteObjects('Dataset', [one, 987_654_321]);
  expect(await there(client, 'Dataset', [one, two])).toEqual([two]);
  expect(await there(client, 'Image', [own, shared])).toEqual([shared]);
  expect(await there(client, 'MapAnnotation', [onlyHere, onBoth])).toEqual([onBoth]);
  expect((await session.imagesIn(two)).map((i) => i.id)).toEqual([shared]);
});

test('a part of a fileset is refused in the words of OMERO, and nothing is deleted; the whole goes', async () => {
  const { session, client } = await as('alice', 'annotate');
  const fileset = await client.save(fresh('Fileset', { templatePrefix: rstring('x/') }));
  const images = [
    await client.save(image({ fileset: reference('Fileset', fileset) })),
    await client.save(image({ fileset: reference('Fileset', fileset) })),
  ];
  await expect(session.deleteObjects('Image', images.slice(0, 1))).rejects.toMatchObject({
    code: 'OMERO_REQUEST_REFUSED',
    message: expect.stringMatching(/Delete2: may not split fileset/),
  });
  expect(await there(client, 'Image', images)).toEqual(images);
  await session.deleteObjects('Image', images);
  expect(await there(client, 'Image', images)).toEqual([]);
  expect(await there(client, 'Fileset', [fileset])).toEqual([]);
});

test("somebody else's is not deleted where the group does not allow it", async () => {
  const [alice, bob] = [await as('alice', 'readonly'), await as('bob', 'readonly')];
  const id = await alice.client.save(dataset('mine'));
  await expect(bob.session.deleteObjects('Dataset', [id])).rejects.toMatchObject({
    code: 'OMERO_REQUEST_REFUSED',
    message: expect.stringContaining('not permitted to delete'),
  });
  expect(await there(alice.client, 'Dataset', [id])).toEqual([id]);
  const together = [await as('alice', 'write'), await as('bob', 'write')];
  const common = (await together[0]?.client.save(dataset('ours'))) ?? -1;
  await together[1]?.session.deleteObjects('Dataset', [common]);
});

test('the content of an attachment goes with it', async () => {
  const { session, client } = await as('alice', 'annotate');
  const file = await client.save(fresh('OriginalFile', { name: rstring('notes.txt'), path: rstring('') }));
  const annotation = await client.save(fresh('FileAnnotation', { file: reference('OriginalFile', file) }));
  await client.call('RawFileStore', 'setFileId', [file]);
  await client.call('RawFileStore', 'write', [new TextEncoder().encode('notes'), 0, 5]);
  const content = join(omero.directory, 'Files', String(file));
  expect(await readFile(content, 'utf8')).toBe('notes');
  await session.deleteObjects('Annotation', [annotation]);
  expect(await there(client, 'OriginalFile', [file])).toEqual([]);
  await expect(access(content)).rejects.toThrow(/ENOENT/);
});
