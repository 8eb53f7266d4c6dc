import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BridgeError } from '../domain/errors.ts';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { unpackZip, type UnpackLimits } from './unpack.ts';
import { zipOf, type Part } from './testing/zip-of.ts';
import type { ZipRecord } from './zip-records.ts';

async function unpack(
  zip: Buffer,
  limits: Partial<UnpackLimits> = {},
): Promise<{ code: string; message: string; names: string[] }> {
  const root = await temporaryFolder('unpack');
  const [file, folder] = [join(root, 'a.zip'), await temporaryFolder('into')];
  await writeFile(file, zip);
  const result = await unpackZip(file, folder, { limits }).then(
    () => ({ code: 'ok', message: '' }),
    (error: unknown) => {
      if (!(error instanceof BridgeError)) throw error;
      return { code: error.code, message: error.message };
    },
  );
  expect(await readFile(file)).toEqual(zip);
  expect(await readdir(root)).toEqual(['a.zip']);
  return { ...result, names: (await readdir(folder, { recursive: true })).sort() };
}

describe('an entry is refused before anything is written', () => {
  const mode = (value: number) => (record: Buffer) => void record.writeUInt32LE((value << 16) >>> 0, 38);
  test.each<[string, Part[], string]>([
    ['../', [{ name: 'ok' }, { name: '../evil' }], '".."'],
    ['an absolute path', [{ name: '/tmp/evil' }], 'absolute'],
    ['backslashes', [{ name: '..\\evil' }], 'backslash'],
    ['a drive letter', [{ name: 'C:evil' }], 'drive'],
    ['NUL', [{ name: 'a\0b' }], 'NUL'],
    ['bytes that are not UTF-8', [{ name: Buffer.from([0xff]) }], 'UTF-8'],
    ['a symbolic link', [{ name: 'l', central: mode(0o120777) }], 'symbolic link'],
    ['a device', [{ name: 'd', central: mode(0o060777) }], 'special file'],
    ['a name twice', [{ name: 'a' }, { name: 'a' }], 'twice'],
    ['a file in a file', [{ name: 'a' }, { name: 'a/b' }], 'also a file'],
    [
      'encryption',
      [{ name: 'a', central: (r) => void r.writeUInt16LE(0x801, 8), change: (r) => void (r.packed += 12) }],
      'encrypted',
    ],
    ['an unknown method', [{ name: 'a', central: (r) => void r.writeUInt16LE(99, 10) }], 'method 99'],
    ['a folder with content', [{ name: 'a/' }], 'folder with content'],
  ])('%s', async (_what, parts, reason) => {
    const { code, message, names } = await unpack(zipOf(...parts));
    expect({ code, names }).toEqual({ code: 'ARCHIVE_ENTRY_REFUSED', names: [] });
    expect(message).toContain(reason);
    await expect(lstat('/tmp/evil')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('an archive that lies is refused', () => {
  test.each<[string, Buffer]>([
    ['another name beside the data', zipOf({ name: 'a', local: (h) => void h.write('b', 30) })],
    ['another method beside the data', zipOf({ name: 'a', local: (h) => void h.writeUInt16LE(8, 8) })],
    ['a wrong CRC-32', zipOf({ name: 'a', change: (r) => void (r.crc = (r.crc ^ 1) >>> 0) })],
    ['a size that is not that of its data', zipOf({ name: 'a', change: (r) => void (r.bytes += 1) })],
    ['an entry beyond the end', zipOf({ name: 'a', change: (r) => void (r.offset = 1_000_000) })],
    ['entries that share their data', zipOf({ name: 'a' }, { name: 'b', change: (r) => void (r.offset = 0) })],
    ['deflated data that are not', zipOf({ name: 'a', change: (r) => void (r.method = 8) })],
    ['nothing', Buffer.alloc(0)],
    ['a tar by the name of .zip', Buffer.alloc(10_240, 'x')],
    ['several disks', withEnd(zipOf({ name: 'a' }), (end) => void end.writeUInt16LE(1, 4))],
    ['more entries than there are', withEnd(zipOf({ name: 'a' }), (end) => void end.writeUInt16LE(9, 10))],
    ['something before it', Buffer.concat([Buffer.from('junk'), zipOf({ name: 'a' })])],
    ['a missing end', zipOf({ name: 'a' }).subarray(0, -10)],
  ])('%s', async (_what, zip) => {
    expect(await unpack(zip)).toMatchObject({ code: 'ZIP_INVALID' });
  });
});

test('an entry whose data reach into the next entry is refused before anything is written', async () => {
  const inner = zipOf({ name: 'b' });
  const swallow = Buffer.concat([Buffer.from('data'), inner.subarray(0, inner.indexOf('PK\u0001\u0002'))]);
  const whole = (record: ZipRecord): void =>
    void Object.assign(record, { bytes: swallow.length, packed: swallow.length, crc: crc32(swallow) });
  const { code, message, names } = await unpack(zipOf({ name: 'a', change: whole }, { name: 'b' }));
  expect({ code, names }).toEqual({ code: 'ZIP_INVALID', names: [] });
  expect(message).toContain('"b" overlaps');
});

describe('limits', () => {
  const zip = zipOf({ name: 'a' }, { name: 'b' }, { name: 'c' });
  test.each<[Partial<UnpackLimits>, string]>([
    [{ entries: 2 }, '3 entries'],
    [{ bytes: 7 }, '7 bytes'],
    [{ ratio: 0.01 }, '0.01 times'],
  ])('%j', async (limits, reason) => {
    const { code, message, names } = await unpack(zip, limits);
    expect({ code, names }).toEqual({ code: 'ARCHIVE_LIMIT', names: [] });
    expect(message).toContain(reason);
  });

  test('a size that is only claimed is not believed, nor is room for it looked for in vain', async () => {
    const huge = zipOf({ name: 'a', change: (r) => void Object.assign(r, { bytes: 2 ** 45, method: 8 }) });
    expect(await unpack(huge)).toMatchObject({ code: 'ARCHIVE_LIMIT' });
  });
});

test('a small legal zip, an empty one and one by other tools are unpacked', async () => {
  expect(await unpack(zipOf({ name: 'data/out/a.tif' }))).toMatchObject({
    code: 'ok',
    names: ['data', 'data/out', 'data/out/a.tif'],
  });
  expect(await unpack(zipOf())).toMatchObject({ code: 'ok', names: [] });
  if (!hasExecutable('python3')) return;
  const root = await temporaryFolder('python');
  const script =
    'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],"w",zipfile.ZIP_DEFLATED)\n' +
    'z.writestr("grün/細胞.csv","a,b"*1000)\nz.writestr("plain.tif",b"x"*5000)\nz.close()';
  execFileSync('python3', ['-c', script, join(root, 'p.zip')], { env: { ...process.env, PYTHONUTF8: '1' } });
  const { code, names } = await unpack(await readFile(join(root, 'p.zip')));
  expect({ code, names }).toEqual({ code: 'ok', names: ['grün', 'grün/細胞.csv', 'plain.tif'] });
});

test('names in the encodings that zips have come as the text they mean', async () => {
  const unicodePath = (raw: Buffer, name: string): Buffer => {
    const field = Buffer.alloc(9);
    field.writeUInt16LE(0x7075, 0);
    field.writeUInt16LE(5 + Buffer.byteLength(name), 2);
    field.writeUInt8(1, 4);
    field.writeUInt32LE(crc32(raw), 5);
    return Buffer.concat([field, Buffer.from(name)]);
  };
  const dos = Buffer.from([0x67, 0x72, 0x81, 0x6e]);
  expect(await unpack(zipAs({ system: 0, name: dos }))).toMatchObject({ code: 'ok', names: ['grün'] });
  expect(await unpack(zipAs({ system: 3, name: Buffer.from('grün') }))).toMatchObject({ code: 'ok', names: ['grün'] });
  const extra = unicodePath(dos, '細胞');
  expect(await unpack(zipAs({ system: 0, name: dos, extra }))).toMatchObject({ code: 'ok', names: ['細胞'] });
  // The text counts, not the bytes that a first look sees.
  const evil = unicodePath(dos, '../evil');
  expect(await unpack(zipAs({ system: 0, name: dos, extra: evil }))).toMatchObject({ code: 'ARCHIVE_ENTRY_REFUSED' });
});

test('permissions in a zip, setuid among them, mean nothing here', async () => {
  const root = await temporaryFolder('modes');
  const modes = (value: number) => (record: Buffer) => {
    record.writeUInt8(3, 5);
    record.writeUInt32LE((value << 16) >>> 0, 38);
  };
  await writeFile(
    join(root, 'a.zip'),
    zipOf({ name: 'setuid', central: modes(0o106777) }, { name: 'closed', central: modes(0o100000) }),
  );
  await mkdir(join(root, 'into'));
  await unpackZip(join(root, 'a.zip'), join(root, 'into'));
  for (const name of ['setuid', 'closed'])
    expect((await lstat(join(root, 'into', name))).mode & 0o7777).toBe(0o666 & ~process.umask());
});

test('cut anywhere it is refused, and only a whole one is taken', async () => {
  const zip = zipOf({ name: 'a', data: randomBytes(40) }, { name: 'b/c', data: Buffer.alloc(500), deflate: true });
  for (let bytes = 0; bytes < zip.length; bytes++)
    expect({ bytes, ...(await unpack(zip.subarray(0, bytes))) }).toMatchObject({ bytes, code: 'ZIP_INVALID' });
  expect(await unpack(zip)).toMatchObject({ code: 'ok', names: ['a', 'b', 'b/c'] });
});

test('damage anywhere gives an error or the right files, never a crash or a file outside', async () => {
  const zip = zipOf(
    { name: 'a', data: randomBytes(50) },
    { name: 'sub/b', data: Buffer.alloc(30) },
    { name: 'c/', data: Buffer.alloc(0) },
  );
  const codes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(zip.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      async (changes) => {
        const spoilt = Buffer.from(zip);
        for (const [at, byte] of changes) spoilt[at] = byte;
        codes.add((await unpack(spoilt)).code);
      },
    ),
    { numRuns: 150 },
  );
  expect(codes.size).toBeGreaterThan(1);
});

function withEnd(zip: Buffer, change: (end: Buffer) => void): Buffer {
  change(zip.subarray(zip.length - 22));
  return zip;
}

/** A zip of one entry whose name's encoding is not told by a flag, made on that system. */
function zipAs(entry: { system: number; name: Buffer; extra?: Buffer }): Buffer {
  const zip = zipOf({
    name: entry.name,
    local: (header) => void header.writeUInt16LE(header.readUInt16LE(6) & ~0x800, 6),
    central: (record) => {
      record.writeUInt16LE(record.readUInt16LE(8) & ~0x800, 8);
      record.writeUInt8(entry.system, 5);
    },
  });
  const { extra } = entry;
  if (!extra) return zip;
  const at = zip.indexOf('PK\u0001\u0002');
  const end = zip.length - 22;
  zip.writeUInt16LE(zip.readUInt16LE(at + 30) + extra.length, at + 30);
  zip.writeUInt32LE(zip.readUInt32LE(end + 12) + extra.length, end + 12);
  const after = at + 46 + entry.name.length;
  return Buffer.concat([zip.subarray(0, after), extra, zip.subarray(after)]);
}
