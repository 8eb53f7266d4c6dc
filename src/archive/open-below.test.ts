import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBelow } from './open-below.ts';

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-below-'));
  root = join(folder, 'archive');
  await mkdir(join(root, 'data'), { recursive: true });
  await mkdir(join(folder, 'archive-other'));
  await writeFile(join(folder, 'archive-other', 'secret'), 'secret');
  await writeFile(join(root, 'data', 'a.tif'), 'image');
  await symlink(join(folder, 'archive-other', 'secret'), join(root, 'data', 'link'));
  await symlink(join(folder, 'archive-other'), join(root, 'out'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a file of the archive is opened, also when the archive itself is reached by a link', async () => {
  await symlink(root, join(folder, 'mount'));
  for (const at of [root, join(folder, 'mount')]) {
    const file = await openBelow(at, 'data/a.tif');
    expect(await file.readFile('utf8')).toBe('image');
    await file.close();
  }
});

test.each([
  ['data/link', /is a link/],
  ['out/secret', /outside of the archive/],
  ['../archive-other/secret', /outside of the archive/],
  ['data', /no file any more/],
  ['pipe', /no file any more/],
])('%s is refused', async (path, reason) => {
  await expect(openBelow(root, path)).rejects.toMatchObject({ code: 'ARCHIVED_FILE_REFUSED' });
  await expect(openBelow(root, path)).rejects.toThrow(reason);
});

test('a file that is gone is told as such', async () => {
  await expect(openBelow(root, 'data/b.tif')).rejects.toMatchObject({ code: 'ENOENT' });
});
