import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { pack, type Header } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { TarError, TarReader } from './tar-reader.ts';
import { fixChecksum } from './testing/fix-checksum.ts';

type TarHeader = Partial<Header> & { name: string };

interface Read {
  name: string;
  type: string;
  bytes: number;
  content: string;
}

async function readAll(tar: Buffer, pieceBytes = 1000): Promise<Read[]> {
  const reader = new TarReader(pieces(tar, pieceBytes));
  const entries: Read[] = [];
  for (let entry = await reader.next(); entry; entry = await reader.next()) {
    const parts: Buffer[] = [];
    // The two ways to take a body, in turns.
    if (entries.length % 2 === 0) parts.push(Buffer.from(await reader.whole()));
    else for (let p = await reader.some(); p.length > 0; p = await reader.some()) parts.push(Buffer.from(p));
    const content = Buffer.concat(parts).toString('latin1');
    entries.push({ name: entry.name.toString('utf8'), type: entry.type, bytes: entry.bytes, content });
  }
  return entries;
}

async function* pieces(buffer: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < buffer.length; at += bytes) yield buffer.subarray(at, at + bytes);
}

async function packed(...entries: [TarHeader, string?][]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

const long = `${'folder/'.repeat(30)}${'n'.repeat(200)}.tif`;

test.each(['gnu', 'pax', 'ustar', 'oldgnu'])('what GNU tar writes in the form %s is read as it was', async (format) => {
  const root = await temporaryFolder('tar');
  const names = ['a.tif', 'empty', 'grün 細胞.csv', 'sub/b', 'new\nline', ...(format === 'ustar' ? [] : [long])];
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), name === 'empty' ? '' : `content of ${name}`.repeat(100));
  }
  const tar = execFileSync('tar', ['-c', `--format=${format}`, '-C', root, '.'], { maxBuffer: 1e8 });
  for (const bytes of [1, 511, 512, 513, 70_000]) {
    const files = (await readAll(tar, bytes)).filter((e) => e.type === 'file');
    expect(files.map((f) => f.name.slice(2)).sort()).toEqual(names.toSorted());
    for (const file of files) {
      const content = file.name === './empty' ? '' : `content of ${file.name.slice(2)}`.repeat(100);
      expect(Buffer.from(file.content, 'latin1').toString()).toBe(content);
      expect(file.bytes).toBe(Buffer.byteLength(content));
    }
  }
});

test('every kind of entry is told apart', async () => {
  const tar = await packed(
    [{ name: 'd', type: 'directory' }],
    [{ name: 's', type: 'symlink', linkname: '/etc' }],
    [{ name: 'h', type: 'link', linkname: 'd' }],
    [{ name: 'c', type: 'character-device' }],
    [{ name: 'b', type: 'block-device' }],
    [{ name: 'p', type: 'fifo' }],
    [{ name: 'g', type: 'contiguous-file' }],
  );
  expect((await readAll(tar)).map((e) => e.type)).toEqual([
    'folder',
    'symbolic link',
    'hard link',
    'device',
    'device',
    'named pipe',
    'unknown kind of entry',
  ]);
});

test('a size beyond octal digits is read from either form', async () => {
  const bytes = 10 * 2 ** 30;
  const base256 = await packed([{ name: 'huge', size: 0 }]);
  base256.fill(0, 124, 136);
  base256[124] = 0x80;
  base256.writeBigUInt64BE(BigInt(bytes), 128);
  fixChecksum(base256);
  const paxed = await packed([{ name: 'huge', size: 0, pax: { size: String(bytes) } }]);
  for (const tar of [base256, paxed]) expect((await new TarReader(pieces(tar, 512)).next())?.bytes).toBe(bytes);
});

describe('a stream is refused', () => {
  test('when it is cut anywhere', async () => {
    const tar = await packed([{ name: 'a' }, 'x'.repeat(700)], [{ name: long }, 'y'.repeat(10)]);
    for (let length = 0; length < tar.length; length += 97)
      await expect(readAll(tar.subarray(0, length)), `cut at ${length}`).rejects.toBeInstanceOf(TarError);
  });

  test('when something else comes first, which is then shown', async () => {
    const tar = await packed([{ name: 'a' }, 'x']);
    await expect(readAll(Buffer.concat([Buffer.from('Welcome to the cluster!\n'), tar]))).rejects.toThrow(
      'with "Welcome to the cluster!\\n',
    );
  });

  test('when something follows its end mark', async () => {
    const tar = await packed([{ name: 'a' }, 'x']);
    await expect(readAll(Buffer.concat([tar, tar]))).rejects.toThrow('end mark');
  });

  test.each([
    ['a broken checksum', (t: Buffer) => void (t[0] = 0x62)],
    ['a size that is no number', (t: Buffer) => (t.write('zzz', 124), fixChecksum(t))],
    ['a negative size', (t: Buffer) => (t.fill(0xff, 124, 136), fixChecksum(t))],
    ['an endless size', (t: Buffer) => (t.fill(0x7f, 125, 136), (t[124] = 0xbf), fixChecksum(t))],
  ])('with %s', async (_name, spoil) => {
    const tar = await packed([{ name: 'a' }, 'x']);
    spoil(tar);
    await expect(readAll(tar)).rejects.toBeInstanceOf(TarError);
  });

  test('with a global header that moves files, a sparse file, or a name of megabytes', async () => {
    const global = await packed([{ name: 'a', pax: { path: '../evil' } }, 'x']);
    global[156] = 'g'.charCodeAt(0);
    fixChecksum(global);
    await expect(readAll(global)).rejects.toThrow('global header');
    await expect(readAll(await packed([{ name: 'a', pax: { 'GNU.sparse.major': '1' } }, 'x']))).rejects.toThrow(
      'sparse',
    );
    await expect(readAll(await packed([{ name: 'x'.repeat(2 ** 21) }, 'x']))).rejects.toThrow('longer than any name');
  });

  test('damaged in any way, without hanging or any other kind of error', async () => {
    const tar = await packed(
      [{ name: 'a' }, 'x'.repeat(600)],
      [{ name: long }, 'y'],
      [{ name: 'c', type: 'directory' }],
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(tar.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const spoilt = Buffer.from(tar);
          for (const [at, byte] of changes) spoilt[at] = byte;
          for (let at = 0; at + 512 <= spoilt.length; at += 512)
            if (spoilt.toString('latin1', at + 257, at + 262) === 'ustar') fixChecksum(spoilt.subarray(at, at + 512));
          const error = await readAll(spoilt).then(
            () => null,
            (e: unknown) => e,
          );
          if (error !== null) expect(error).toBeInstanceOf(TarError);
        },
      ),
      { numRuns: 300 },
    );
  });
});
