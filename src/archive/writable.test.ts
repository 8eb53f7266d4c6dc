import { chmod, lstat, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeError } from '../domain/errors.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { asUnprivileged } from '../../test/support/unprivileged.ts';
import { checkWritable } from './writable.ts';

test('the first run of a group makes its folder, and leaves nothing but .analyzed', async () => {
  const base = await temporaryFolder('writable');
  const group = join(base, 'team-a');
  await checkWritable(group, 'team-a');
  await checkWritable(group, 'team-a');
  expect(await readdir(group)).toEqual(['.analyzed']);
  expect(await readdir(join(group, '.analyzed'))).toEqual([]);
});

test('a folder closed to us is named with our uid, its owner and mode, the group and what to do', async () => {
  const base = await temporaryFolder('writable');
  const group = join(base, 'team');
  await mkdir(join(group, '.analyzed'), { recursive: true });
  await chmod(base, 0o755);
  await chmod(join(group, '.analyzed'), 0o555);
  const owner = await lstat(group);
  await asUnprivileged(async (uid) => {
    const error = await checkWritable(group, 'team').catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'GROUP_FOLDER_NOT_WRITABLE',
      params: {
        group: 'team',
        path: join(group, '.analyzed'),
        uid,
        owner: `${owner.uid}:${owner.gid}`,
        mode: '555',
      },
    });
    expect(describeError(error)).toContain('EACCES');
  });
});

test('a group folder that cannot be made names the folder above it', async () => {
  const base = await temporaryFolder('writable');
  await chmod(base, 0o555);
  await asUnprivileged(async () => {
    await expect(checkWritable(join(base, 'new-group'), 'new-group')).rejects.toMatchObject({
      code: 'GROUP_FOLDER_NOT_WRITABLE',
      params: { path: base, mode: '555' },
    });
  });
  await chmod(base, 0o755);
});

test('a group folder is not made where it must be there, and never below a missing storage', async () => {
  const base = await temporaryFolder('writable');
  await expect(checkWritable(join(base, 'x'), 'x', { create: false })).rejects.toMatchObject({
    code: 'GROUP_FOLDER_NOT_WRITABLE',
  });
  await expect(checkWritable(join(base, 'gone', 'x'), 'x')).rejects.toMatchObject({
    code: 'GROUP_FOLDER_NOT_WRITABLE',
  });
  expect(await readdir(base)).toEqual([]);
});

test('a link in the place of .analyzed is refused', async () => {
  const base = await temporaryFolder('writable');
  const elsewhere = await temporaryFolder('elsewhere');
  await mkdir(join(base, 'team'));
  await symlink(elsewhere, join(base, 'team', '.analyzed'));
  await expect(checkWritable(join(base, 'team'), 'team')).rejects.toThrow('is a link');
  expect(await readdir(elsewhere)).toEqual([]);
});
