import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { pack, type Header } from 'tar-stream';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeResults, archiveOptions, withTar, type Results } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { Transport } from '../slurm/transport.ts';
import { transferResults, type StagedFile, type TransferOptions } from './transfer.ts';
import { unpackZip } from './unpack.ts';
import { walkFiles } from './walk.ts';

type TarHeader = Partial<Header> & { name: string };

const big = randomBytes(3_000_000);
/** Which way the stream is read by, of the tests at hand. */
let ownThread = false;
const tree = { 'a.tif': big, 'sub/b.csv': 'a,b\n1,2\n', 'sub/deep/e.zarr/.zattrs': '{}', empty: '', nothing: null };

async function transfer(
  results: Results,
  change: Partial<TransferOptions> = {},
): Promise<{ files: StagedFile[]; staging: string }> {
  const staging = change.staging ?? (await temporaryFolder('staging'));
  const { transport, dataPath, jobId, graceMs, signal, log } = archiveOptions(results);
  const files = await transferResults({
    transport,
    dataPath,
    jobId,
    graceMs: graceMs ?? 0,
    ownThread,
    signal,
    log,
    ...change,
    staging,
  });
  return { files, staging };
}

/** What a transfer of these results with this `tar` fails with. */
async function failure(results: Results, tar: (argv: string[]) => string[]): Promise<Record<string, unknown>> {
  const before = await listing(results.out);
  const error = await transfer(results, { transport: withTar(results, tar) }).then(
    () => ({ code: 'none' }),
    (e: unknown) => e as Record<string, unknown>,
  );
  expect(await listing(results.out)).toEqual(before);
  return error;
}

async function listing(root: string): Promise<string[]> {
  const names: string[] = [];
  for await (const file of walkFiles(root)) names.push(`${file.path} ${file.bytes}`);
  return names.sort();
}

async function tarFile(...entries: [TarHeader, string?][]): Promise<string> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  const file = join(await temporaryFolder('tar'), 'hostile.tar');
  await writeFile(file, Buffer.concat(parts));
  return file;
}

describe.each([false, true])('read on a thread of its own: %s', (own) => {
  beforeAll(() => {
    ownThread = own;
  });

  test('tree and zip hold exactly what lies on the cluster, with sizes and hashes', async () => {
    const results = await makeResults(tree);
    const seen: number[] = [];
    const { files, staging } = await transfer(results, { onProgress: (p) => seen.push(p.bytes) });
    const expected = Object.entries(tree).flatMap(([path, content]) => {
      if (content === null) return [];
      const sha256 = createHash('sha256').update(content).digest('hex');
      return [{ path: `12_out/data/out/${path}`, bytes: content.length, sha256 }];
    });
    const zip = files.at(-1);
    expect(files.slice(0, -1)).toEqual(expected.sort((a, b) => (a.path < b.path ? -1 : 1)));
    expect(zip?.path).toBe('12_out.zip');
    const zipped = await readFile(join(staging, '12_out.zip'));
    expect(zip).toMatchObject({ bytes: zipped.length, sha256: createHash('sha256').update(zipped).digest('hex') });
    expect(await listing(join(staging, '12_out/data/out'))).toEqual(await listing(results.out));
    expect((await lstat(join(staging, '12_out/data/out/nothing'))).isDirectory()).toBe(true);
    expect((await lstat(join(staging, '12_out/data/out/a.tif'))).mtimeMs / 1000).toBeCloseTo(
      (await lstat(join(results.out, 'a.tif'))).mtimeMs / 1000,
      -1,
    );
    const unpacked = await unpackZip(join(staging, '12_out.zip'), await temporaryFolder('unpacked'));
    expect(unpacked.map((f) => ({ ...f, path: `12_out/${f.path}` }))).toEqual(files.slice(0, -1));
    expect(seen.at(-1)).toBe(big.length + 8 + 2);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test('names that tools stumble over arrive as they are, and two names of one file as two files', async () => {
    const names = [
      '-rf',
      '--checkpoint-action=exec=sh',
      ' edge ',
      'new\nline.tif',
      'grün 細胞.tif',
      '$(id)`id`"\'',
      'tab\t',
      'COM1.',
      '\u202efit.tif',
    ];
    const results = await makeResults(Object.fromEntries(names.map((n) => [n, n])));
    await link(join(results.out, '-rf'), join(results.out, 'second'));
    const { staging } = await transfer(results);
    expect((await readdir(join(staging, '12_out/data/out'))).sort()).toEqual([...names, 'second'].sort());
    for (const name of names) expect(await readFile(join(staging, '12_out/data/out', name), 'utf8')).toBe(name);
  });

  describe('what does not belong into results is refused by its name', () => {
    test('a link that points at a secret of the cluster account', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      await symlink('/etc/passwd', join(results.out, 'innocent.tif'));
      expect(await failure(results, (argv) => argv)).toMatchObject({
        code: 'ARCHIVE_ENTRY_REFUSED',
        who: 'researcher',
        params: { entry: 'innocent.tif', reason: 'it is a symbolic link' },
      });
    });

    test('data/out that is itself a link', async () => {
      const results = await makeResults({});
      await mkdir(join(results.home, 'linked', 'data'), { recursive: true });
      await symlink('/etc', join(results.home, 'linked', 'data', 'out'));
      await symlink(join(results.home, 'job', 'data'), join(results.home, 'data'));
      await expect(transfer(results, { dataPath: '.' })).rejects.toMatchObject({ params: { entry: 'data' } });
      await expect(transfer(results, { dataPath: 'linked' })).rejects.toMatchObject({
        code: 'ARCHIVE_ENTRY_REFUSED',
        params: { entry: 'data/out' },
      });
    });

    test('a named pipe, which would never end, and a socket', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      execFileSync('mkfifo', [join(results.out, 'pipe')]);
      expect(await failure(results, (argv) => argv)).toMatchObject({ params: { reason: 'it is a named pipe' } });
      const other = await makeResults({ 'a.tif': 'x' });
      const server = createServer().listen(join(other.out, 's'));
      onTestFinished(() => void server.close());
      await new Promise((resolve) => server.once('listening', resolve));
      expect(await failure(other, (argv) => argv)).toMatchObject({ params: { reason: 'it is a socket' } });
    });

    test('a name that is not UTF-8, or holds a backslash', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      await writeFile(Buffer.concat([Buffer.from(`${results.out}/`), Buffer.from([0x61, 0xe9])]), 'x');
      await expect(transfer(results)).rejects.toMatchObject({ params: { reason: 'its name is not UTF-8' } });
      expect(await failure(await makeResults({ 'a\\b': 'x' }), (argv) => argv)).toMatchObject({
        params: { entry: 'a\\b' },
      });
    });

    const file = (name: string): [TarHeader, string] => [{ name }, 'evil'];
    test.each<[string, [TarHeader, string?][], string]>([
      ['../', [file('../evil')], '..'],
      ['../ deep inside', [file('./sub/../../../evil')], '..'],
      ['an absolute path', [file('/tmp/evil')], 'absolute'],
      ['a drive letter', [file('C:/evil')], 'drive'],
      ['backslashes', [file('..\\..\\evil')], 'backslash'],
      ['NUL', [[{ name: 'x', pax: { path: 'a\0b' } }, 'evil']], 'NUL'],
      ['a name too long', [file('n'.repeat(300))], '255'],
      ['a symbolic link', [[{ name: 'l', type: 'symlink', linkname: '/etc' }], file('l/passwd')], 'symbolic link'],
      ['a hard link', [[{ name: 'l', type: 'link', linkname: '/etc/passwd' }]], 'hard link'],
      ['a device', [[{ name: 'd', type: 'block-device', devmajor: 8, devminor: 0 }]], 'device'],
      ['a pipe', [[{ name: 'p', type: 'fifo' }]], 'named pipe'],
      ['a name twice', [file('a.tif'), file('a.tif')], 'twice'],
      ['a file that is a folder', [file('a.tif'), file('a.tif/b')], 'also a file'],
    ])('%s in the stream, and nothing is written for it', async (_what, entries, reason) => {
      const results = await makeResults({ 'a.tif': 'evil' });
      const tar = await tarFile(...entries);
      expect(await failure(results, () => ['cat', tar])).toMatchObject({
        code: 'ARCHIVE_ENTRY_REFUSED',
        retryable: false,
        params: { reason: expect.stringContaining(reason) },
      });
      for (const evil of ['/tmp/evil', join(results.home, 'evil')])
        await expect(lstat(evil)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('control characters of a refused name do not reach the message', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      await symlink('/', join(results.out, '\u001b[31mred\u202e\n'));
      const { message } = await failure(results, (argv) => argv);
      expect(message).toContain('\\u001b[31mred\\u202e\\n');
    });
  });

  describe('a transfer that is not complete is tried again, and says what is missing', () => {
    const cut = (bytes: number) => (argv: string[]) => ['sh', '-c', `"$@" | head -c ${bytes}`, 'sh', ...argv];

    test.each([0, 100, 1000, 100_000, 2_900_000])('cut after %i bytes, though its exit code is 0', async (bytes) => {
      const error = await failure(await makeResults(tree), cut(bytes));
      expect(error).toMatchObject({ code: 'TRANSFER_INCOMPLETE', retryable: true });
      expect(error['message']).toMatch(/of 4 files and \d+ of 3000010 bytes came/);
    });

    test('tar killed in the middle', async () => {
      const killed = (argv: string[]) => ['sh', '-c', '"$@" | head -c 100000; kill -9 $$', 'sh', ...argv];
      expect(await failure(await makeResults(tree), killed)).toMatchObject({ code: 'TRANSFER_INCOMPLETE' });
    });

    test('a file that was listed does not come', async () => {
      const without = (argv: string[]) => [...argv.slice(0, 1), '--exclude=b.csv', ...argv.slice(1)];
      const error = await failure(await makeResults(tree), without);
      expect(error).toMatchObject({ code: 'TRANSFER_INCOMPLETE' });
      expect(error['message']).toContain('3 of 4 files');
      expect(error['message']).toContain('sub/b.csv');
    });

    test('tar says that something was wrong', async () => {
      const failing = (argv: string[]) => [
        'sh',
        '-c',
        '"$@"; echo "tar: ./a.tif: file changed" >&2; exit 1',
        'sh',
        ...argv,
      ];
      const error = await failure(await makeResults(tree), failing);
      expect(error).toMatchObject({ code: 'TRANSFER_INCOMPLETE' });
      expect(error['message']).toContain('exit 1');
      expect(error['message']).toContain('file changed');
    });

    test('a login script that prints, and a far side without tar', async () => {
      const results = await makeResults(tree);
      const noisy = await failure(results, (argv) => ['sh', '-c', 'echo Welcome; exec "$@"', 'sh', ...argv]);
      expect(noisy['message']).toContain('with "Welcome\\n');
      const none = await failure(results, () => ['no-such-tar']);
      expect(none).toMatchObject({ code: 'TRANSFER_INCOMPLETE' });
      expect(none['message']).toContain('no-such-tar');
    });

    test.each([
      ['grows', 'echo more >> a.tif'],
      ['is written anew with the same size', 'printf X | dd of=a.tif bs=1 conv=notrunc status=none'],
      ['appears', 'echo new > late.tif'],
      ['goes away', 'rm empty'],
    ])('a file %s after the stream', async (_what, change) => {
      const results = await makeResults(tree);
      const busy = withTar(results, (argv) => ['sh', '-c', `"$@"; cd "$0" && ${change}`, results.out, ...argv]);
      await expect(transfer(results, { transport: busy })).rejects.toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        message: expect.stringContaining('still being written'),
      });
    });

    test('a file grows between list and stream', async () => {
      const results = await makeResults(tree);
      const busy = withTar(results, (argv) => ['sh', '-c', 'echo x >> "$0/empty"; exec "$@"', results.out, ...argv]);
      await expect(transfer(results, { transport: busy })).rejects.toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        message: expect.stringMatching(/"\.\/empty" came with 2 bytes and was listed with 0 bytes/),
      });
    });

    test('a folder that was not listed, of which a stream could bring millions', async () => {
      const results = await makeResults({ 'a.tif': 'evil', 'sub/b.tif': 'evil' });
      const tar = await tarFile(
        [{ name: 'sub/', type: 'directory' }],
        [{ name: 'a.tif' }, 'evil'],
        [{ name: 'more/', type: 'directory' }],
        [{ name: 'sub/b.tif' }, 'evil'],
      );
      expect(await failure(results, () => ['cat', tar])).toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        message: expect.stringContaining('the folder "more/" came and was not listed before'),
      });
    });

    test('a stream that brings nothing any more is given up, and its process ends', async () => {
      const results = await makeResults(tree);
      const pidFile = join(results.home, 'pid');
      const transport = withTar(results, () => ['sh', '-c', 'echo $$ > "$0"; exec sleep 300', pidFile]);
      await expect(transfer(results, { transport, idleMs: 300 })).rejects.toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        message: expect.stringContaining('nothing came for 0.3 s'),
      });
      const pid = Number(await readFile(pidFile, 'utf8'));
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    });

    test('when the worker stops, so does the stream', async () => {
      const results = await makeResults(tree);
      const stop = new AbortController();
      const transport = withTar(results, () => ['sleep', '300']);
      setTimeout(() => stop.abort(new Error('stopping')), 300);
      await expect(transfer(results, { transport, signal: stop.signal })).rejects.toThrow('stopping');
    });
  });

  describe('no results', () => {
    test.each([
      ['is not there', 'elsewhere'],
      ['holds no file', 'job'],
    ])('data/out %s', async (reason, dataPath) => {
      await expect(transfer(await makeResults({ 'empty folder': null }), { dataPath })).rejects.toMatchObject({
        code: 'RESULTS_MISSING',
        who: 'researcher',
        params: { reason },
      });
    });

    test('files that a network file system shows late are waited for', async () => {
      const results = await makeResults({});
      setTimeout(() => void writeFile(join(results.out, 'late.tif'), 'x'), 300);
      const { files } = await transfer(results, { graceMs: 5000 });
      expect(files.map((f) => f.path)).toEqual(['12_out/data/out/late.tif', '12_out.zip']);
    });

    test('what the job says it wrote is waited for, and named when it does not come', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      const manifest = `${results.out}.manifest`;
      await writeFile(manifest, '1 a.tif\u00003 late one.tif\0');
      await expect(transfer(results)).rejects.toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        message: expect.stringContaining('first late one.tif'),
      });
      setTimeout(() => void writeFile(join(results.out, 'late one.tif'), 'xyz'), 300);
      expect((await transfer(results, { graceMs: 5000 })).files).toHaveLength(3);
      await writeFile(manifest, 'whatever another job writes there\n');
      expect((await transfer(results)).files).toHaveLength(3);
    });

    test('a manifest that is a link is not read', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      const secret = join(results.home, 'secret');
      await writeFile(secret, '1 password\0');
      await symlink(secret, `${results.out}.manifest`);
      expect((await transfer(results)).files).toHaveLength(2);
    });

    test('a far side whose find is not GNU is not taken for one without results', async () => {
      const results = await makeResults({ 'a.tif': 'x' });
      const other: Transport = {
        ...withTar(results, (argv) => argv),
        exec: () => results.transport.exec(['sh', '-c', 'echo "find: unrecognized: -printf" >&2; exit 1']),
      };
      await expect(transfer(results, { transport: other })).rejects.toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        message: expect.stringContaining('unrecognized: -printf'),
      });
    });
  });

  test.each(['-rf', '', 'a\nb', 'a\0b'])('the data path %j is refused', async (dataPath) => {
    await expect(transfer(await makeResults({}), { dataPath })).rejects.toMatchObject({ code: 'ARCHIVE_ID_INVALID' });
  });
});
