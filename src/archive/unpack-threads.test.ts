import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { zipOf, type Part } from './testing/zip-of.ts';
import { unpackZip } from './unpack.ts';

const many = 600;

function chunks(change: (n: number) => Partial<Part> = () => ({})): Part[] {
  return Array.from({ length: many }, (_, n) => ({
    name: `plate.zarr/${n % 7}/${n}`,
    data: Buffer.from(`chunk ${n} `.repeat(n)),
    ...(n % 2 ? { deflate: true as const } : {}),
    ...change(n),
  }));
}

async function zipFile(...parts: Part[]): Promise<{ file: string; folder: string }> {
  const file = join(await temporaryFolder('zip'), 'many.zip');
  await writeFile(file, zipOf(...parts));
  return { file, folder: await temporaryFolder('into') };
}

test('many entries are unpacked by threads, each with its hash', async () => {
  const parts = chunks();
  const { file, folder } = await zipFile(...parts);
  let seen = 0;
  const files = await unpackZip(file, folder, { onProgress: (n) => (seen = n) });
  expect(files).toHaveLength(many);
  expect(seen).toBe(many);
  for (const { name, data } of parts) {
    const content = await readFile(join(folder, String(name)));
    expect(content.equals(data ?? Buffer.alloc(0)), String(name)).toBe(true);
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(files).toContainEqual({ path: name, bytes: content.length, sha256 });
  }
});

test.each([
  ['stored', false],
  ['deflated', true],
])('a large entry is unpacked piece by piece, %s', async (_how, deflate) => {
  const noise = randomBytes(6_000_000);
  const labels = Buffer.alloc(30_000_000, 'label');
  const packed = deflate ? { deflate: true as const } : {};
  const { file, folder } = await zipFile(
    { name: 'a.tif', data: noise, ...packed },
    { name: 'b.tif', data: labels, ...packed },
  );
  const files = await unpackZip(file, folder);
  for (const [name, data] of [
    ['a.tif', noise],
    ['b.tif', labels],
  ] as const) {
    expect((await readFile(join(folder, name))).equals(data)).toBe(true);
    expect(files).toContainEqual({
      path: name,
      bytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
    });
  }
});

describe('a thread that fails ends the whole', () => {
  test.each<[string, (n: number) => Partial<Part>, string]>([
    [
      'a wrong CRC-32',
      (n) => (n === 400 ? { change: (r) => void (r.crc = (r.crc ^ 1) >>> 0) } : {}),
      'CRC-32 is wrong',
    ],
    [
      'another CRC-32 beside the data',
      (n) => (n === 400 ? { local: (h) => void h.writeUInt32LE(1, 14) } : {}),
      'another CRC-32',
    ],
    [
      'another size beside the data',
      (n) => (n === 401 ? { local: (h) => void h.writeUInt32LE(1, 22) } : {}),
      'another size',
    ],
    [
      'deflated data that give more than they tell',
      (n) => (n === 401 ? { change: (r) => void (r.bytes = 5) } : {}),
      'more bytes than the 5',
    ],
  ])('%s', async (_what, change, reason) => {
    const { file, folder } = await zipFile(...chunks(change));
    await expect(unpackZip(file, folder)).rejects.toMatchObject({
      code: 'ZIP_INVALID',
      message: expect.stringMatching(new RegExp(`plate\\.zarr/\\d/40[01].*${reason}`)),
    });
  });

  test('a name that the storage takes for one that is there', async () => {
    const { file, folder } = await zipFile(...chunks());
    await mkdir(join(folder, 'plate.zarr'));
    // As on a share that does not tell upper from lower case: the folder is there already.
    await expect(unpackZip(file, folder)).rejects.toMatchObject({ code: 'ARCHIVE_ENTRY_REFUSED' });
  });

  test('a stop is heard, and nothing is written afterwards', async () => {
    const { file, folder } = await zipFile(...chunks());
    const stop = new AbortController();
    const failed = unpackZip(file, folder, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('stopping')),
    });
    await expect(failed).rejects.toThrow('stopping');
  });
});

describe('bombs', () => {
  test('a large entry that gives more than it tells of is stopped there', async () => {
    const liar: Part = {
      name: 'a',
      data: Buffer.alloc(40_000_000),
      deflate: true,
      change: (r) => void (r.bytes = 5_000_000),
    };
    const { file, folder } = await zipFile(liar, { name: 'pad', data: randomBytes(100_000) });
    await expect(unpackZip(file, folder)).rejects.toMatchObject({
      code: 'ZIP_INVALID',
      message: expect.stringContaining('more bytes than the 5000000'),
    });
    expect((await lstat(join(folder, 'a'))).size).toBeLessThanOrEqual(5_000_000);
  });

  test('ten million entries are refused by their number, before any is read', async () => {
    const zip = zipOf({ name: 'a' });
    const large = Buffer.alloc(76);
    const at = zip.length - 22;
    const size = zip.readUInt32LE(at + 12);
    const directory = 46 * 10_000_000;
    large.writeUInt32LE(0x06064b50, 0);
    large.writeBigUInt64LE(44n, 4);
    large.writeBigUInt64LE(10_000_000n, 24);
    large.writeBigUInt64LE(10_000_000n, 32);
    large.writeBigUInt64LE(BigInt(directory), 40);
    large.writeBigUInt64LE(BigInt(at - size), 48);
    large.writeUInt32LE(0x07064b50, 56);
    large.writeBigUInt64LE(BigInt(at - size + directory), 64);
    large.writeUInt32LE(1, 72);
    const end = Buffer.from(zip.subarray(at));
    end.fill(0xff, 8, 20);
    const file = join(await temporaryFolder('zip'), 'ten-million.zip');
    // The directory itself is a hole in the file.
    await writeFile(file, zip.subarray(0, at - size));
    const handle = await open(file, 'r+');
    await handle.write(Buffer.concat([large, end]), 0, undefined, at - size + directory);
    await handle.close();
    await expect(unpackZip(file, await temporaryFolder('into'))).rejects.toMatchObject({
      code: 'ARCHIVE_LIMIT',
      message: expect.stringContaining('10000000 entries, more than 2000000'),
    });
  });

  test('a zip in a zip stays one file', async () => {
    const { file, folder } = await zipFile({ name: 'inner.zip', data: zipOf({ name: '../evil' }) });
    expect((await unpackZip(file, folder)).map((f) => f.path)).toEqual(['inner.zip']);
  });
});

test('nothing is written through a link that stands where an entry goes', async () => {
  const { file, folder } = await zipFile({ name: 'a' });
  const victim = join(await temporaryFolder('victim'), 'file');
  await symlink(victim, join(folder, 'a'));
  await expect(unpackZip(file, folder)).rejects.toMatchObject({ code: 'ARCHIVE_ENTRY_REFUSED' });
  await expect(lstat(victim)).rejects.toMatchObject({ code: 'ENOENT' });
});

test.runIf(hasExecutable('zip') && hasExecutable('7z'))(
  'what zip and 7z make is read, in zip64 and encrypted too',
  async () => {
    const root = await temporaryFolder('tools');
    await writeFile(join(root, 'a.tif'), randomBytes(5_000_000));
    await writeFile(join(root, 'grün.csv'), 'a,b\n'.repeat(10_000));
    const run = (command: string, ...args: string[]): void =>
      void execFileSync(command, args, { cwd: root, stdio: 'ignore' });
    run('zip', '-fz', 'zip64.zip', 'a.tif', 'grün.csv');
    run('7z', 'a', '-tzip', '7z.zip', 'a.tif', 'grün.csv');
    for (const name of ['zip64.zip', '7z.zip'])
      expect((await unpackZip(join(root, name), await temporaryFolder('into'))).map((f) => f.path)).toEqual([
        'a.tif',
        'grün.csv',
      ]);
    run('7z', 'a', '-tzip', '-psecret', 'encrypted.zip', 'a.tif');
    run('7z', 'a', '-tzip', '-mm=LZMA', 'lzma.zip', 'grün.csv');
    for (const [name, reason] of [
      ['encrypted.zip', 'encrypted'],
      ['lzma.zip', 'method 14'],
    ] as const)
      await expect(unpackZip(join(root, name), await temporaryFolder('into'))).rejects.toMatchObject({
        code: 'ARCHIVE_ENTRY_REFUSED',
        message: expect.stringContaining(reason),
      });
  },
);
