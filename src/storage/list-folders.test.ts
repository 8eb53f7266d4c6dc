import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { listFolders } from './list-folders.ts';

let base = '';
let outside = '';
beforeEach(async () => {
  const root = await temporaryFolder('folders');
  base = join(root, 'storage');
  outside = join(root, 'outside');
  await mkdir(join(base, 'Screening', 'HTS'), { recursive: true });
  await mkdir(join(base, 'Screening', '.analyzed'), { recursive: true });
  await mkdir(join(outside, 'secret'), { recursive: true });
  await writeFile(join(base, 'file'), '');
});

test('folders are listed one level at a time, without files, archives and links', async () => {
  await mkdir(join(base, 'B <b>\n'));
  await mkdir(join(base, 'Äpfel'));
  await symlink(outside, join(base, 'link'));
  expect(await listFolders(base, '')).toEqual({ path: '', folders: ['Äpfel', 'Screening'], more: false });
  expect(await listFolders(base, 'Screening/')).toEqual({ path: 'Screening', folders: ['HTS'], more: false });
});

test('nothing outside the storage is listed, by spelling or through a link', async () => {
  await symlink(outside, join(base, 'link'));
  await symlink('../../outside', join(base, 'Screening', 'up'));
  await symlink(base, join(outside, 'back'));
  for (const path of [
    '..',
    '../outside',
    'Screening/../../outside',
    '/etc',
    'link',
    'link/secret',
    'Screening/up',
    'file',
    'gone',
    'link/back/Screening',
    'Screening/.analyzed',
    'a\0b',
  ])
    await expect(listFolders(base, path), path).rejects.toMatchObject({ code: 'FOLDER_NOT_LISTED' });
  // A folder that a link took the place of.
  await rename(join(base, 'Screening'), join(outside, 'Screening'));
  await symlink(join(outside, 'Screening'), join(base, 'Screening'));
  await expect(listFolders(base, 'Screening/HTS')).rejects.toMatchObject({ code: 'FOLDER_NOT_LISTED' });
});

test('a storage that is itself reached through a link is listed', async () => {
  await symlink(base, `${base}-link`);
  expect((await listFolders(`${base}-link`, 'Screening')).folders).toEqual(['HTS']);
});
