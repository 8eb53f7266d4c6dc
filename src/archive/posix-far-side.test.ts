import { execFileSync } from 'node:child_process';
import { readFile, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { describeWithPart, findExecutable } from '../../test/support/optional-part.ts';
import { makeResults, type Results } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { LocalTransport } from '../slurm/local.ts';
import type { Transport } from '../slurm/transport.ts';
import { resultsFolder } from './far-folder.ts';
import { listResults, lookAtResults } from './far-list.ts';
import { transferResults, type StagedFile } from './transfer.ts';

const busybox = findExecutable('busybox');
const signal = new AbortController().signal;

/** A cluster whose programs are busybox's and no others. */
async function posixCluster(results: Results): Promise<Transport> {
  const bin = await temporaryFolder('busybox');
  for (const applet of ['sh', 'env', 'find', 'ls', 'tar', 'cat', 'grep', 'head', 'true'])
    await symlink(busybox ?? '', join(bin, applet));
  return new LocalTransport({ home: results.home, env: { PATH: bin } });
}

async function bringHome(results: Results, transport: Transport): Promise<{ files: StagedFile[]; out: string }> {
  const staging = await temporaryFolder('staging');
  const log = pino({ level: 'silent' });
  const files = await transferResults({ transport, dataPath: 'job', jobId: 12, staging, graceMs: 0, signal, log });
  return { files, out: join(staging, '12_out/data/out') };
}

const hostile = [
  'new\nline.tif',
  'fake\n-rw-r--r--    1 0 0 99 Jan  1 00:00 .',
  '-rf',
  ' edge ',
  '\u001b[31mred',
  'grün 細胞.tif',
  '\u202efit.tif',
  'tab\t',
  '$(id)`id`"\'',
  'last\n',
];

describeWithPart('busybox', busybox !== null, 'results come from a cluster with POSIX tools alone', () => {
  test('busybox is asked as what it is', async () => {
    const results = await makeResults({ 'a.tif': 'x' });
    const folder = resultsFolder(await posixCluster(results), 'job', 12);
    expect((await lookAtResults(folder, signal)).tools).toMatchObject({ gnuFind: false, tar: 'other', zstd: false });
  });

  test('hostile names, deep folders, long names and empty things arrive as they are', async () => {
    const long = `${'folder/'.repeat(20)}${'n'.repeat(200)}.tif`;
    const names = [...hostile, long, 'sub/b.csv'];
    const results = await makeResults({
      ...Object.fromEntries(names.map((n) => [n, `content of ${n}`])),
      big: Buffer.alloc(3_000_000, 'b'),
      empty: '',
      'nothing\nhere': null,
    });
    await utimes(join(results.out, 'sub/b.csv'), 1_000_000_000, 1_000_000_000);
    const { files, out } = await bringHome(results, await posixCluster(results));
    expect(files).toHaveLength(names.length + 3);
    for (const name of names) expect(await readFile(join(out, name), 'utf8')).toBe(`content of ${name}`);
    expect((await readFile(join(out, 'big'))).length).toBe(3_000_000);
  });

  test('its list says the same as that of GNU find', async () => {
    const results = await makeResults(Object.fromEntries([...hostile, 'd/e/f', 'd/g'].map((n) => [n, n])));
    const [posix, gnu] = [await posixCluster(results), results.transport].map((t) => resultsFolder(t, 'job', 12));
    if (!posix || !gnu) throw new Error('two folders were made');
    const plain = async (folder: typeof posix) => {
      const list = await listResults(folder, await lookAtResults(folder, signal), signal);
      const files = [...(list?.files ?? [])].map(([name, file]) => `${name} ${file.bytes}`).sort();
      return { files, folders: [...(list?.folders ?? [])].sort(), bytes: list?.bytes };
    };
    expect(await plain(posix)).toEqual(await plain(gnu));
  });

  test('links and pipes are refused by name', async () => {
    const results = await makeResults({ 'a.tif': 'x' });
    await symlink('/etc/passwd', join(results.out, 'innocent.tif'));
    const transport = await posixCluster(results);
    await expect(bringHome(results, transport)).rejects.toMatchObject({
      code: 'ARCHIVE_ENTRY_REFUSED',
      params: { entry: 'innocent.tif', reason: 'it is a symbolic link' },
    });
    const other = await makeResults({ 'a.tif': 'x' });
    execFileSync('mkfifo', [join(other.out, 'pipe')]);
    await expect(bringHome(other, await posixCluster(other))).rejects.toMatchObject({
      params: { entry: 'pipe', reason: 'it is a named pipe' },
    });
  });

  test('a file that is written meanwhile is noticed', async () => {
    const results = await makeResults({ 'a.tif': 'x' });
    const transport = await posixCluster(results);
    const busy: Transport = {
      kind: transport.kind,
      name: transport.name,
      exec: (argv, options) => transport.exec(argv, options),
      stream: (argv, options) =>
        transport.stream(
          argv[0] === 'tar' ? ['sh', '-c', '"$@"; echo more >> "$0"', join(results.out, 'a.tif'), ...argv] : argv,
          options,
        ),
      close: () => transport.close(),
    };
    await expect(bringHome(results, busy)).rejects.toMatchObject({
      code: 'TRANSFER_INCOMPLETE',
      message: expect.stringContaining('still being written'),
    });
  });

  test.runIf(findExecutable('pax'))('a cluster without tar is asked by pax', async () => {
    const results = await makeResults({ 'a.tif': 'x', 'new\nline': 'y' });
    const bin = await temporaryFolder('pax');
    for (const applet of ['env', 'find', 'ls', 'cat', 'grep']) await symlink(busybox ?? '', join(bin, applet));
    // Busybox's own shell would find its tar without a PATH.
    for (const real of ['sh', 'pax']) await symlink(findExecutable(real) ?? '', join(bin, real));
    const transport = new LocalTransport({ home: results.home, env: { PATH: bin } });
    expect((await bringHome(results, transport)).files).toHaveLength(3);
  });
});
