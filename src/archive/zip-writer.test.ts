import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { PieceWriter } from './piece-writer.ts';
import { unpackZip } from './unpack.ts';
import { pays } from './zip-pack.ts';
import { ZipWriter } from './zip-writer.ts';
import { centralRecord, endRecords, localHeader, type ZipRecord } from './zip-records.ts';

const mtime = 1_700_000_001;
const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

async function stream(zip: ZipWriter, name: string, data: Buffer): Promise<void> {
  const { file, at, deflate } = zip.begin(name, data.length, mtime, pays(data));
  const writer = new PieceWriter({ file: null, zip: file, at, deflate });
  for (let from = 0; from < data.length; from += 65_536) writer.write(data.subarray(from, from + 65_536));
  await zip.close(writer.end());
}

test('small and streamed entries, stored and deflated, read back the same by ourselves, unzip and Python', async () => {
  const root = await temporaryFolder('zip');
  const file = join(root, 'a.zip');
  const contents: Record<string, Buffer> = {
    'data/out/random.tif': randomBytes(3_000_000),
    'data/out/mask.tif': Buffer.alloc(5_000_000, 1),
    'data/out/mixed.tif': Buffer.concat([Buffer.alloc(1_000_000, 7), randomBytes(1_000_000), Buffer.alloc(1_000_000)]),
    'data/out/small random': randomBytes(20_000),
    'data/out/small zeros': Buffer.alloc(20_000),
    'data/out/empty': Buffer.alloc(0),
    'data/out/grün 細胞.csv': Buffer.from('a,b\n'),
  };
  const zip = await ZipWriter.create(file);
  for (const [name, data] of Object.entries(contents)) {
    if (data.length > 1e6) await stream(zip, name, data);
    else await zip.add(name, data, crc32(data), mtime);
  }
  await Promise.all(
    Array.from({ length: 300 }, (_, i) => zip.add(`data/out/n/${i}`, Buffer.from(`${i}`), crc32(`${i}`), mtime)),
  );
  await zip.addFolder('data/out/nothing', mtime);
  const bytes = await zip.finish();
  expect((await stat(file)).size).toBe(bytes);
  expect(bytes).toBeLessThan(4_300_000);
  expect(await zip.readBack()).toBe(sha(await readFile(file)));

  const unpacked = await unpackZip(file, await temporaryFolder('unpacked'));
  expect(unpacked).toHaveLength(307);
  for (const [path, data] of Object.entries(contents))
    expect(unpacked).toContainEqual({ path, bytes: data.length, sha256: sha(data) });
  if (hasExecutable('unzip')) expect(execFileSync('unzip', ['-tq', file]).toString()).toContain('No errors');
  if (hasExecutable('python3')) {
    const script =
      'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n' +
      'print(len(z.namelist()), z.getinfo("data/out/grün 細胞.csv").file_size)';
    const env = { ...process.env, PYTHONIOENCODING: 'utf8', PYTHONUTF8: '1' };
    expect(execFileSync('python3', ['-c', script, file], { env }).toString().trim()).toBe('308 4');
  }
});

test('reading back notices one bit that the storage changed', async () => {
  const file = join(await temporaryFolder('zip'), 'a.zip');
  const zip = await ZipWriter.create(file);
  const [first, second] = [randomBytes(5000), randomBytes(2_500_000)];
  await zip.add('first', first, crc32(first), mtime);
  await stream(zip, 'second', second);
  await zip.finish();
  await zip.readBack();
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, 2_000_000);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await handle.write(byte, 0, 1, 2_000_000);
  await handle.close();
  await expect(zip.readBack()).rejects.toThrow('entry 2');
});

test('a large zip is read behind the one that writes it, which notices a bit that the storage changed', async () => {
  const folder = await temporaryFolder('zip');
  const write = async (name: string, between: (file: string) => Promise<void>): Promise<ZipWriter> => {
    const file = join(folder, name);
    const zip = await ZipWriter.create(file);
    const data = randomBytes(20_000_000);
    await zip.add('first', data.subarray(0, 1000), crc32(data.subarray(0, 1000)), mtime);
    const { file: zipFile, at, deflate } = zip.begin('second', data.length, mtime, false);
    const writer = new PieceWriter({ file: null, zip: zipFile, at, deflate });
    writer.write(data);
    await between(file);
    await zip.close(writer.end());
    await zip.add('third', data.subarray(0, 1000), crc32(data.subarray(0, 1000)), mtime);
    await zip.finish();
    return zip;
  };
  const sound = await write('a.zip', async () => {});
  const sha256 = sha(await readFile(join(folder, 'a.zip')));
  expect(await sound.readBack()).toBe(sha256);
  // Nothing is left over from the first time.
  expect(await sound.readBack()).toBe(sha256);
  const damaged = await write('b.zip', async (file) => {
    const handle = await open(file, 'r+');
    await handle.write(Buffer.from('x!'), 0, 2, 10_000_000);
    await handle.close();
  });
  await expect(damaged.readBack()).rejects.toThrow('entry 2');
});

test('more than 65,535 entries make a zip64 that others read', async () => {
  const file = join(await temporaryFolder('zip'), 'many.zip');
  const zip = await ZipWriter.create(file);
  for (let i = 0; i < 70_000; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, j) => zip.add(`n${i + j}`, Buffer.alloc(0), 0, mtime)));
  await zip.finish();
  await zip.readBack();
  if (hasExecutable('python3')) {
    const script = 'import sys,zipfile\nprint(len(zipfile.ZipFile(sys.argv[1]).namelist()))';
    expect(execFileSync('python3', ['-c', script, file]).toString().trim()).toBe('70000');
  }
  if (hasExecutable('unzip')) expect(execFileSync('unzip', ['-Zt', file]).toString()).toContain('70000 files');
});

test('records of entries beyond 4 GiB are read by Python as they were meant', async () => {
  // The data are a hole in the file: what matters is where readers think that they lie.
  const file = join(await temporaryFolder('zip'), 'large.zip');
  const bytes = 5 * 2 ** 30;
  const record = (name: string, length: number, offset: number): ZipRecord => ({
    name: Buffer.from(name),
    bytes: length,
    packed: length,
    crc: 0,
    method: 0,
    mtime,
    offset,
  });
  const large = record('large', bytes, 0);
  const after = record('after', 0, localHeader(large).length + bytes);
  const directoryAt = after.offset + localHeader(after).length;
  const directory = Buffer.concat([centralRecord(large), centralRecord(after)]);
  await writeFile(file, localHeader(large));
  const handle = await open(file, 'r+');
  await handle.write(localHeader(after), 0, undefined, after.offset);
  await handle.write(
    Buffer.concat([directory, endRecords(2, directory.length, directoryAt)]),
    0,
    undefined,
    directoryAt,
  );
  await handle.close();
  const script =
    'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\n' +
    'print([(i.filename,i.file_size,i.header_offset) for i in z.infolist()], z.open("large").read(3), z.read("after"))';
  if (hasExecutable('python3'))
    expect(execFileSync('python3', ['-c', script, file]).toString().trim()).toBe(
      `[('large', ${bytes}, 0), ('after', 0, ${after.offset})] b'\\x00\\x00\\x00' b''`,
    );
});
