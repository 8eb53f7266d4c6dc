import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { OmeroSession } from '../omero/session.ts';
import type { Run } from './run.ts';
import { SourceImages } from './source-images.ts';

let repository = '';
let storage = '';
let asked: string[] = [];
let files: { imageId: number; path: string; name: string }[] = [];

beforeEach(async () => {
  const root = await temporaryFolder('sources');
  repository = join(root, 'ManagedRepository');
  storage = join(root, 'storage');
  await mkdir(join(repository, 'import'), { recursive: true });
  await mkdir(storage);
  asked = [];
  files = [];
});

async function file(name: string, linkTo?: string): Promise<void> {
  const path = join(repository, 'import', name);
  await (linkTo === undefined ? writeFile(path, name) : symlink(linkTo, path));
  files.push({ imageId: files.length, path: 'import', name });
}

const run = {
  id: 'r',
  user: { name: 'u' },
  group: { name: 'g' },
  input: { type: 'Dataset', id: 1, name: 'd' },
} as unknown as Run;

function sources(): SourceImages {
  const session = {
    imagesIn: async () => [],
    storedFilesOf: async () => files,
    managedRepositoryPath: async () => repository,
  } as unknown as OmeroSession;
  return new SourceImages(
    {
      as: async (user, group, work) => {
        asked.push(`${user} in ${group}`);
        return work(session);
      },
    },
    storage,
  );
}

test('the input image that a result is named after is found, asked as the owner of the run, once', async () => {
  await file('a.ome.tif');
  await writeFile(join(storage, 'b.tif'), 'b');
  await file('b.tif', join(storage, 'b.tif'));
  const found = sources();
  expect(await found.find(run, '1_out/data/out/a_labels.ome.tif')).toMatchObject({ path: 'a.ome.tif' });
  expect(await found.find(run, 'data/out/b_cp_masks.png')).toMatchObject({ root: storage, path: 'b.tif' });
  expect(asked).toEqual(['u in g']);
});

test('a link of OMERO that leaves the storage is not read, nor is a name that stands for two images', async () => {
  await file('secret.tif', '/etc/hostname');
  await file('c.tif');
  await file('c.png');
  const found = sources();
  expect(await found.find(run, 'secret_labels.tif')).toEqual({
    reason: 'its file lies outside of what this server may read',
  });
  expect(await found.find(run, 'c_labels.tif')).toEqual({ reason: 'no input image is called c' });
  expect(await found.find(run, 'c.tif')).toHaveProperty('reason');
});
