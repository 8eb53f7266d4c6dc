import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { archiveOptions, makeResults, withTar } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { asUnprivileged } from '../../test/support/unprivileged.ts';
import { archiveResults } from './archive.ts';
import { archivePlace } from './layout.ts';
import { requireSpace, storageError } from './storage-error.ts';
import { PiecePipe } from './piece-pipe.ts';

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

test('a full device is told with what is needed, what is free, and our uid', async () => {
  const full = await open('/dev/full', 'w');
  const error = await failureOf(full.write(Buffer.alloc(10)));
  await full.close();
  expect(await storageError(error, '/dev/full', 10)).toMatchObject({
    code: 'STORAGE_FULL',
    retryable: true,
    who: 'it',
    params: { path: '/dev/full', needed: 10, uid: process.geteuid?.() },
  });
});

test.each([
  ['EDQUOT', 'STORAGE_FULL', 'quota'],
  ['EROFS', 'STORAGE_NOT_WRITABLE', 'read-only'],
  ['EACCES', 'STORAGE_NOT_WRITABLE', 'EACCES'],
  ['EIO', 'STORAGE_FAILED', 'EIO'],
  ['ESTALE', 'STORAGE_FAILED', 'ESTALE'],
])('%s becomes %s', async (code, becomes, reason) => {
  const error = await storageError(Object.assign(new Error('write failed'), { code }), '/data/team/x');
  expect(error).toMatchObject({ code: becomes, retryable: true, message: expect.stringContaining(reason) });
});

test('room that is not there is refused before the first byte', async () => {
  const folder = await temporaryFolder('space');
  await requireSpace(folder, 1, 1);
  await expect(requireSpace(folder, 2 ** 52, 1)).rejects.toMatchObject({
    code: 'STORAGE_FULL',
    params: { needed: 2 ** 52 },
  });
});

test('a group folder that is closed to us stops the archiving with the path, and stays as it is', async () => {
  const results = await makeResults({ 'a.tif': 'x' });
  const options = archiveOptions(results);
  await openAll(results.home);
  await chmod(results.group, 0o555);
  await asUnprivileged(async (uid) => {
    await expect(archiveResults(options)).rejects.toMatchObject({ code: 'STORAGE_NOT_WRITABLE', params: { uid } });
  });
  expect(await readdir(results.group)).toEqual([]);
});

test('a large file does not wait for ever when its storage is full', async () => {
  // A device that is always full.
  const full = await open('/dev/full', 'w');
  onTestFinished(() => full.close());
  const data = Buffer.alloc(8 * 1024 * 1024, 'ab');
  for (const target of [
    { file: null, zip: full.fd, at: 0, deflate: false },
    { file: null, zip: full.fd, at: 0, deflate: true },
    { file: full.fd, zip: full.fd, at: 0, deflate: false },
  ]) {
    const pipe = new PiecePipe();
    pipe.open(target);
    const all = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await pipe.write(data);
      await pipe.end();
    };
    await expect(all()).rejects.toMatchObject({ code: 'ENOSPC' });
    await pipe.close();
    await expect(pipe.end()).rejects.toMatchObject({ code: 'ENOSPC' });
  }
});

const disk = await mountSmallDisk();
afterAll(async () => {
  if (disk === null) return;
  execFileSync('umount', [disk]);
  await rm(disk, { recursive: true });
});

describe.runIf(disk !== null)('on a disk of 3 MB (needs root)', () => {
  test('results that cannot fit are refused beforehand', async () => {
    const results = await makeResults({ 'a.tif': randomBytes(2_000_000) });
    const options = archiveOptions(results, { basePath: await folderOn(disk ?? '') });
    await expect(archiveResults(options)).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      params: { needed: 4_200_000, free: expect.any(Number) },
    });
  });

  test.each([
    ['one large file', { 'a.tif': randomBytes(1_200_000) }, false],
    ['one large file, read on a thread of its own,', { 'a.tif': randomBytes(1_200_000) }, true],
    [
      'many small files',
      Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.tif`, randomBytes(10_000)])),
      false,
    ],
  ])(
    'a disk that fills up while %s comes gives an error, and the archive once there is room',
    async (_what, tree, ownThread) => {
      const results = await makeResults(tree);
      const basePath = await folderOn(disk ?? '');
      const options = archiveOptions(results, { basePath, ownThread });
      const filler = join(disk ?? '', 'filler');
      const transport = withTar(results, (argv) => [
        'sh',
        '-c',
        'head -c 2500000 /dev/zero > "$0"; exec "$@"',
        filler,
        ...argv,
      ]);
      await expect(archiveResults({ ...options, transport })).rejects.toMatchObject({
        code: 'STORAGE_FULL',
        who: 'it',
        retryable: true,
      });
      const { parent } = archivePlace(basePath, options.workflowId, options.taskId, options.stamp);
      expect((await readdir(parent)).filter((name) => !name.startsWith('.'))).toEqual([]);
      await rm(filler);
      expect((await archiveResults(options)).images).toHaveLength(Object.keys(tree).length);
      await rm(basePath, { recursive: true });
    },
  );

  test('a disk that turns read-only is named as such', async () => {
    const options = archiveOptions(await makeResults({ 'a.tif': 'x' }), { basePath: await folderOn(disk ?? '') });
    execFileSync('mount', ['-o', 'remount,ro', disk ?? '']);
    onTestFinished(() => void execFileSync('mount', ['-o', 'remount,rw', disk ?? '']));
    await expect(archiveResults(options)).rejects.toMatchObject({
      code: 'STORAGE_NOT_WRITABLE',
      message: expect.stringContaining('read-only'),
    });
  });
});

async function folderOn(root: string): Promise<string> {
  const folder = join(root, randomBytes(4).toString('hex'));
  await mkdir(folder);
  return folder;
}

async function openAll(folder: string): Promise<void> {
  execFileSync('chmod', ['-R', 'a+rX', join(folder, '..')]);
}

async function mountSmallDisk(): Promise<string | null> {
  if (process.getuid?.() !== 0) return null;
  const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    await rm(folder, { recursive: true });
    return null;
  }
  return folder;
}
