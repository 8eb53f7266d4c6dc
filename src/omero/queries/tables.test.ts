import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { OmeroConfig } from '../../config/config.ts';
import { startTestOmero, TestClient, type TestOmero } from '../../embedded/omero/testing.ts';
import { OmeroSession } from '../session.ts';
import type { TableColumn } from './tables.ts';

let omero: TestOmero;
let config: OmeroConfig;
beforeAll(async () => {
  omero = await startTestOmero();
  const account = { user: 'bridge', password: 'bridge-secret', caFile: null, webUrl: null };
  config = { host: '127.0.0.1', port: omero.port, transport: 'tcp', tls: 'verify', ...account };
});
afterAll(() => omero?.drop());

async function as(user: 'alice' | 'bob', group: string): Promise<OmeroSession> {
  const admin = await OmeroSession.signIn(config);
  const session = await admin.sudo(user, group);
  onTestFinished(async () => {
    await session.close();
    await admin.close();
  });
  return session;
}

async function files(): Promise<number> {
  const client = await TestClient.named(omero.port, 'alice', 'annotate');
  onTestFinished(() => client.close());
  return (await client.rows('select f.id from OriginalFile f')).length;
}

test('a table of every kind of column, longer than one call, comes back as it went', async () => {
  const session = await as('alice', 'annotate');
  const id = await session.createDataset('measured', '');
  const rows = 21_000;
  const column = <T>(value: (i: number) => T): T[] => Array.from({ length: rows }, (_, i) => value(i));
  const columns: TableColumn[] = [
    { kind: 'Image', name: 'Image', values: column((i) => i) },
    { kind: 'Roi', name: 'Roi', values: column((i) => -1 - i) },
    { kind: 'Long', name: 'count', values: column((i) => i * 2 ** 20) },
    { kind: 'Double', name: 'area µm²', values: column((i) => (i % 7 === 0 ? Number.NaN : i / 3)) },
    { kind: 'Bool', name: 'kept', values: column((i) => i % 2 === 0) },
    { kind: 'String', name: 'label', values: column((i) => (i % 3 === 0 ? '' : `größe ${i}`)) },
  ];
  const { fileId } = await session.attachTable({ type: 'Dataset', id }, { name: 'table', columns });
  expect(await session.readTable(fileId)).toEqual(columns);
});

test('a table without rows, and one whose columns differ in length', async () => {
  const session = await as('alice', 'annotate');
  const target = { type: 'Dataset', id: await session.createDataset('empty', '') } as const;
  const columns: TableColumn[] = [{ kind: 'String', name: 'label', values: [] }];
  const { fileId } = await session.attachTable(target, { name: 'none', columns });
  expect(await session.readTable(fileId)).toEqual(columns);
  const uneven: TableColumn[] = [...columns, { kind: 'Long', name: 'n', values: [1] }];
  await expect(session.attachTable(target, { name: 'x', columns: uneven })).rejects.toThrow(RangeError);
});

test('what cannot be attached leaves no table behind; a deleted annotation takes its table along', async () => {
  const session = await as('alice', 'annotate');
  const columns: TableColumn[] = [{ kind: 'Long', name: 'n', values: [1] }];
  const before = await files();
  const gone = { type: 'Dataset', id: 987_654_321 } as const;
  await expect(session.attachTable(gone, { name: 'lost', columns })).rejects.toMatchObject({
    code: 'OMERO_OBJECT_GONE',
  });
  expect(await files()).toBe(before);
  const target = { type: 'Dataset', id: await session.createDataset('one', '') } as const;
  const { fileId, annotationId } = await session.attachTable(target, { name: 'kept', columns });
  expect(await files()).toBe(before + 1);
  await session.deleteObjects('Annotation', [annotationId]);
  expect(await files()).toBe(before);
  await expect(session.readTable(fileId)).rejects.toMatchObject({ code: 'OMERO_OBJECT_GONE' });
});

test("others read a table where the group allows it, and write into nobody's", async () => {
  const [alice, bob] = [await as('alice', 'readonly'), await as('bob', 'readonly')];
  const target = { type: 'Dataset', id: await alice.createDataset('shown', '') } as const;
  const columns: TableColumn[] = [{ kind: 'Long', name: 'n', values: [1, 2] }];
  const { fileId } = await alice.attachTable(target, { name: 'shown', columns });
  expect(await bob.readTable(fileId)).toEqual(columns);
  await expect(bob.attachTable(target, { name: 'not mine', columns })).rejects.toMatchObject({
    code: 'OMERO_NOT_PERMITTED',
  });
});
