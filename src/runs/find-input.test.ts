import { expect, test } from 'vitest';
import type { OmeroAccess } from '../omero/access.ts';
import { findInput, type Starter } from './find-input.ts';

// What OMERO would show to whom: dataset 1 of group 10 by user 100, with images 5 and 6; dataset 2 of group 20.
const datasets = [
  { id: 1, name: 'one', groupId: 10, ownerId: 100, images: [5, 6] },
  { id: 2, name: 'two', groupId: 20, ownerId: 200, images: [7] },
];
const userNames = new Map([
  [100, 'owner'],
  [200, 'other'],
]);

/** As whom and in which group OMERO was asked. */
const asked: string[] = [];

function omeroOf(visible: Readonly<Record<string, number[]>>): OmeroAccess {
  const session = (who: string): unknown => {
    const seen = datasets.filter((d) => who === 'admin' || visible[who]?.includes(d.groupId));
    return {
      findContainer: async (_: string, id: number) => seen.find((d) => d.id === id) ?? null,
      datasetsOfImages: async (ids: number[]) =>
        new Map(ids.map((id) => [id, seen.filter((d) => d.images.includes(id)).map((d) => d.id)])),
      userName: async (id: number) => userNames.get(id) ?? null,
      groupName: async (id: number) => `group ${id}`,
    };
  };
  return {
    admin: async () => session('admin'),
    as: async (user: string, group: string, work: (s: unknown) => Promise<unknown>) => {
      asked.push(`${user} in ${group}`);
      return work(session(user));
    },
  } as unknown as OmeroAccess;
}

const group = (id: number): { id: number; name: string } => ({ id, name: `group ${id}` });
// OMERO names its own groups with the others, and first: everybody is in `user`, administrators are in `system`.
const [system, user] = [
  { id: 0, name: 'system' },
  { id: 1, name: 'user' },
];
const member: Starter = { name: 'member', userId: 3, admin: false, groups: [user, group(30), group(10)] };
const omero = omeroOf({ member: [30, 10], chief: [10, 20, 30] });

test('a member starts in their own name, in the group of the dataset, and is asked as themselves', async () => {
  const found = await findInput(omero, member, { dataset: 1, images: null });
  expect(found).toEqual({ datasetId: 1, imageIds: null, user: 'member', group: 'group 10' });
  expect(asked).toEqual(['member in group 30']);
  expect(await findInput(omero, member, { dataset: null, images: [6, 5, 6] })).toMatchObject({
    datasetId: 1,
    imageIds: [5, 6],
  });
});

test('what somebody does not see does not exist, and images of two datasets are not one input', async () => {
  const refused = (wanted: { dataset: number | null; images: number[] | null }): Promise<unknown> =>
    findInput(omero, member, wanted).catch((error: { code: string }) => error.code);
  expect(await refused({ dataset: 2, images: null })).toBe('DATASET_NOT_SEEN');
  expect(await refused({ dataset: 99, images: null })).toBe('DATASET_NOT_SEEN');
  expect(await refused({ dataset: null, images: [7] })).toBe('IMAGES_NOT_TOGETHER');
  expect(await refused({ dataset: null, images: [5, 7] })).toBe('IMAGES_NOT_TOGETHER');
});

test("an administrator from outside starts in the owner's name; whoever sees without being a member may not", async () => {
  const chief: Starter = { name: 'chief', userId: 0, admin: true, groups: [system, user, group(30)] };
  expect(await findInput(omero, chief, { dataset: 2, images: null })).toMatchObject({
    user: 'other',
    group: 'group 20',
  });
  const plain = { ...chief, admin: false };
  await expect(findInput(omero, plain, { dataset: 2, images: null })).rejects.toMatchObject({
    code: 'DATASET_NOT_SEEN',
  });
  const token: Starter = { name: 'quick start', userId: null, admin: true, groups: [] };
  expect(await findInput(omero, token, { dataset: 1, images: null })).toMatchObject({ user: 'owner' });
  const nobody: Starter = { name: 'nobody', userId: null, admin: false, groups: [] };
  await expect(findInput(omero, nobody, { dataset: 1, images: null })).rejects.toMatchObject({
    code: 'START_NOT_ALLOWED',
  });
});
