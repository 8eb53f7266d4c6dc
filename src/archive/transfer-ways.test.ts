import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { makeResults, withStream, type Results } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { TransferSettings } from '../config/config.ts';
import type { Transport } from '../slurm/transport.ts';
import { transferResults, type StagedFile } from './transfer.ts';
import { defaultLimits, unpackZip } from './unpack.ts';
import { walkFiles } from './walk.ts';

const settings: TransferSettings = {
  way: 'auto',
  compress: 'off',
  checksums: 'off',
  zipCommand: '',
  limits: defaultLimits,
};
const big = randomBytes(3_000_000);
const tree: Record<string, Buffer | string | null> = {
  'a.tif': big,
  'labels.tif': Buffer.alloc(2_000_000),
  'sub/new\nline.csv': 'a,b\n1,2\n',
  '-rf': 'x',
  'grün.csv': 'ü',
  empty: '',
  nothing: null,
};
const files = Object.entries(tree).filter((entry): entry is [string, Buffer | string] => entry[1] !== null);

async function bringHome(
  results: Results,
  change: Partial<TransferSettings>,
  transport: Transport = results.transport,
): Promise<{ staged: StagedFile[]; staging: string }> {
  const staging = await temporaryFolder('staging');
  const staged = await transferResults({
    transport,
    dataPath: 'job',
    jobId: 12,
    staging,
    settings: { ...settings, ...change },
    graceMs: 0,
    retryMs: 1,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
  });
  return { staged, staging };
}

/** Tree and zip hold the results, and each staged file is told with its size and hash. */
async function expectComplete(staged: StagedFile[], staging: string): Promise<void> {
  const zip = join(staging, '12_out.zip');
  const unpacked = await unpackZip(zip, await temporaryFolder('unpacked'));
  const inZip = unpacked.map((f) => f.path.replace(/^data\/out\//, '')).sort();
  expect(inZip).toEqual(files.map(([name]) => name).sort());
  expect(staged).toHaveLength(files.length + 1);
  for (const { path, bytes, sha256 } of staged) {
    const content = await readFile(join(staging, path));
    expect({ path, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }).toEqual({
      path,
      bytes,
      sha256,
    });
  }
  for (const [name, content] of files)
    expect((await readFile(join(staging, '12_out/data/out', name))).equals(Buffer.from(content))).toBe(true);
  expect((await lstat(join(staging, '12_out/data/out/nothing'))).isDirectory()).toBe(true);
}

async function farNames(results: Results): Promise<string[]> {
  const names: string[] = [];
  for await (const file of walkFiles(join(results.home, 'job'))) names.push(`${file.path} ${file.bytes}`);
  return names.sort();
}

const noStream = (argv: string[]): string[] | null => (argv[0] === 'tar' ? ['sh', '-c', 'exit 99'] : null);

describe('from a shared file system', () => {
  test('results are found and taken without any stream, by default', async () => {
    const results = await makeResults(tree);
    await chmod(join(results.out, 'a.tif'), 0o600);
    const { staged, staging } = await bringHome(results, {}, withStream(results, noStream));
    await expectComplete(staged, staging);
    expect((await lstat(join(staging, '12_out/data/out/a.tif'))).mode & 0o777).toBe(0o666 & ~process.umask());
    expect((await lstat(join(results.out, 'a.tif'))).mode & 0o777).toBe(0o600);
  });

  /** A cluster that answers for another machine: its folder is not to be seen here. */
  async function elsewhere(results: Results, script: string): Promise<Transport> {
    const { transport } = results;
    return {
      ...withStream(results, () => null),
      exec: (argv, options) =>
        argv[2]?.includes('pwd -P') ? transport.exec(['sh', '-c', script], options) : transport.exec(argv, options),
    };
  }

  test('a folder of that path that is another one here is not taken for the same', async () => {
    const results = await makeResults(tree);
    const impostor = await temporaryFolder('impostor');
    await writeFile(join(impostor, 'a.tif'), 'not the results');
    for (const script of [`cd '${impostor}' && pwd -P && ls -din .`, 'echo /nowhere; echo 12 .', 'exit 1']) {
      const transport = await elsewhere(results, script);
      await expect(bringHome(results, { way: 'shared' }, transport)).rejects.toMatchObject({
        code: 'TRANSFER_NOT_SHARED',
      });
      const { staged, staging } = await bringHome(results, { way: 'auto' }, transport);
      await expectComplete(staged, staging);
    }
  });
});

describe.runIf(hasExecutable('7z'))('by a zip that the cluster makes', () => {
  test('it is kept byte for byte, unpacked, and removed there', async () => {
    const results = await makeResults(tree);
    const before = await farNames(results);
    const { staged, staging } = await bringHome(results, { way: 'zip', checksums: 'sha256' });
    await expectComplete(staged, staging);
    expect(await farNames(results)).toEqual(before);
  });

  test('a zip that an earlier try left is neither used nor touched', async () => {
    const results = await makeResults(tree);
    const old = join(results.home, 'job', 'data', '12_out.zip');
    await writeFile(old, 'half a zip');
    const { staged, staging } = await bringHome(results, { way: 'zip' });
    await expectComplete(staged, staging);
    expect(await readFile(old, 'utf8')).toBe('half a zip');
  });

  test('a transfer that breaks goes on from where it broke', async () => {
    const results = await makeResults(tree);
    const offsets: string[] = [];
    const breaking = withStream(results, (argv) => {
      if (argv[0] !== 'tail') return null;
      offsets.push(argv[2] ?? '');
      return ['sh', '-c', '"$@" | head -c 1000000; exit 255', 'sh', ...argv];
    });
    const { staged, staging } = await bringHome(results, { way: 'zip' }, breaking);
    await expectComplete(staged, staging);
    expect(offsets.slice(0, 3)).toEqual(['+1', '+1000001', '+2000001']);
  });

  test('a connection that brings nothing any more is left to the next attempt, and so is the zip', async () => {
    const results = await makeResults(tree);
    const before = await farNames(results);
    const dead = withStream(results, (argv) => (argv[0] === 'tail' ? ['false'] : null));
    await expect(bringHome(results, { way: 'zip' }, dead)).rejects.toMatchObject({
      code: 'TRANSFER_INCOMPLETE',
      message: expect.stringMatching(/0 of \d+ bytes of the zip came: tail ended with 1/),
    });
    const left = (await farNames(results)).filter((name) => !before.includes(name));
    expect(left).toEqual([expect.stringMatching(/^data\/\.12_out\.[0-9a-f]{12}\.zip \d+$/)]);
  });

  test.each([
    ['flipped', 'tr x y', 'SHA-256'],
    ['longer', 'cat; echo more', 'more than the'],
  ])('bytes that arrive %s are noticed', async (_how, filter, reason) => {
    const results = await makeResults({ 'a.txt': 'xxxx' });
    const spoilt = withStream(results, (argv) =>
      argv[0] === 'tail' ? ['sh', '-c', `"$@" | { ${filter}; }`, 'sh', ...argv] : null,
    );
    await expect(bringHome(results, { way: 'zip' }, spoilt)).rejects.toMatchObject({
      code: 'TRANSFER_INCOMPLETE',
      message: expect.stringContaining(reason),
    });
    expect(await farNames(results)).toEqual(['data/out/a.txt 4']);
  });

  test('a command of the site that fails, or leaves a file out, is told with what it said', async () => {
    const results = await makeResults(tree);
    await expect(
      bringHome(results, { way: 'zip', zipCommand: 'sh -c "echo no license >&2; exit 3"' }),
    ).rejects.toMatchObject({
      code: 'TRANSFER_INCOMPLETE',
      message: expect.stringContaining('no license'),
    });
    const bin = join(results.home, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'zipper'), '#!/bin/sh\nexec 7z "$@" -x!empty\n', { mode: 0o755 });
    await expect(bringHome(results, { way: 'zip', zipCommand: join(bin, 'zipper') })).rejects.toMatchObject({
      message: expect.stringContaining('1 files of the zip made there are not as listed, first empty'),
    });
  });
});

describe('one stream', () => {
  test('many small files between a few large ones are taken in on threads', async () => {
    const many: Record<string, Buffer | string> = { 'last/z.tif': big, '0.tif': Buffer.alloc(2_500_000, 'label') };
    for (let n = 0; n < 1200; n++)
      many[`p.zarr/${n % 5}/${n}\n`] = n % 3 ? `chunk ${n} `.repeat(n) : randomBytes(n * 10);
    const results = await makeResults(many);
    const { staged, staging } = await bringHome(results, { way: 'stream', checksums: 'sha256' });
    expect(staged).toHaveLength(1203);
    for (const [name, content] of Object.entries(many)) {
      const path = `12_out/data/out/${name}`;
      const there = await readFile(join(staging, path));
      expect(there.equals(Buffer.from(content)), name).toBe(true);
    }
    const unpacked = await unpackZip(join(staging, '12_out.zip'), await temporaryFolder('unpacked'));
    expect(unpacked.map((f) => ({ ...f, path: `12_out/${f.path}` }))).toEqual(staged.slice(0, -1));
    const python = hasExecutable('python3') ? 'python3' : null;
    if (python) execFileSync(python, ['-m', 'zipfile', '-t', join(staging, '12_out.zip')], { stdio: 'ignore' });
  });

  test.runIf(hasExecutable('zstd'))('through zstd is the same, and a cut one is noticed', async () => {
    const results = await makeResults(tree);
    const seen: string[][] = [];
    const watching = withStream(results, (argv) => {
      seen.push(argv);
      return null;
    });
    const { staged, staging } = await bringHome(results, { way: 'stream', compress: 'on' }, watching);
    await expectComplete(staged, staging);
    expect(seen.find((argv) => argv[0] === 'tar')).toContain('--use-compress-program=zstd -1 -q');
    const cut = withStream(results, (argv) =>
      argv[0] === 'tar' ? ['sh', '-c', '"$@" | head -c 1000000', 'sh', ...argv] : null,
    );
    await expect(bringHome(results, { way: 'stream', compress: 'on' }, cut)).rejects.toMatchObject({
      code: 'TRANSFER_INCOMPLETE',
    });
  });

  test('checksums of the cluster are compared, also for names with line feeds', async () => {
    const results = await makeResults(tree);
    const { staged, staging } = await bringHome(results, { way: 'stream', checksums: 'sha256' });
    await expectComplete(staged, staging);
    // Silent corruption on the way: same size, same times, other bytes.
    const spoilt = withStream(results, (argv) =>
      argv[0] === 'tar' ? ['sh', '-c', '"$@" | LC_ALL=C sed "s/^1,2$/1,3/"', 'sh', ...argv] : null,
    );
    await expect(bringHome(results, { way: 'stream', checksums: 'sha256' }, spoilt)).rejects.toMatchObject({
      code: 'TRANSFER_INCOMPLETE',
      message: expect.stringContaining('line.csv'),
    });
    expect((await bringHome(results, { way: 'stream' }, spoilt)).staged).toHaveLength(files.length + 1);
  });

  test.each([
    [{ entries: 5 }, '8 entries, more than 5'],
    [{ bytes: 1000 }, 'more than 1000'],
  ])('limits %j hold before anything comes', async (change, reason) => {
    const results = await makeResults(tree);
    const staging = bringHome(results, { way: 'stream', limits: { ...defaultLimits, ...change } });
    await expect(staging).rejects.toMatchObject({ code: 'ARCHIVE_LIMIT', message: expect.stringContaining(reason) });
    expect(await readdir(results.group)).toEqual([]);
  });

  test('a list that does not end is refused, and its command is ended', async () => {
    const results = await makeResults(tree);
    const script = `echo $$ > "$0"; exec perl -e 'print "f\\t0\\t0\\tchunk", $n++, "\\0" while 1'`;
    const pid = join(results.home, 'pid');
    const endless = withStream(results, (argv) => (argv[0] === 'find' ? ['sh', '-c', script, pid] : null));
    await expect(
      bringHome(results, { way: 'stream', limits: { ...defaultLimits, entries: 5 } }, endless),
    ).rejects.toMatchObject({
      code: 'ARCHIVE_LIMIT',
      message: expect.stringContaining('the list of its entries is longer than 1048576 bytes'),
    });
    const ended = Number(await readFile(pid, 'utf8'));
    expect(() => process.kill(ended, 0)).toThrow('ESRCH');
  });
});
