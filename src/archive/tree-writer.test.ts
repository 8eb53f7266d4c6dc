import { link, lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { TreeWriter } from './tree-writer.ts';

test('folders are made once, files with their content and time', async () => {
  const root = await temporaryFolder('tree');
  const writer = new TreeWriter(root, 'the cluster');
  await Promise.all(['a/b/1', 'a/b/2', 'a/3', '4'].map((path) => writer.write(path, Buffer.from(path), 1_700_000_000)));
  expect(await readFile(join(root, 'a/b/2'), 'utf8')).toBe('a/b/2');
  expect((await lstat(join(root, '4'))).mtimeMs).toBe(1_700_000_000_000);
});

test('what is there already is neither written to nor written through', async () => {
  const root = await temporaryFolder('tree');
  const outside = join(await temporaryFolder('outside'), 'precious');
  await writeFile(outside, 'precious');
  await symlink(outside, join(root, 'link'));
  await symlink(join(outside, '..'), join(root, 'folder'));
  await link(outside, join(root, 'hard'));
  await mkdir(join(root, 'taken'));
  for (const path of ['link', 'folder/new', 'hard', 'taken', 'taken/x'])
    await expect(new TreeWriter(root, 'the cluster').write(path, Buffer.from('evil'))).rejects.toMatchObject({
      code: 'ARCHIVE_ENTRY_REFUSED',
      params: { reason: expect.stringContaining('the same as another one'), where: 'the cluster' },
    });
  expect(await readFile(outside, 'utf8')).toBe('precious');
  await expect(lstat(join(outside, '..', 'new'))).rejects.toMatchObject({ code: 'ENOENT' });
});
