import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { archiveOptions, makeResults, withStream, type Results } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { TransferSettings } from '../config/config.ts';
import { ownProgram } from '../lib/package-root.ts';
import type { Transport } from '../slurm/transport.ts';
import { archiveResults, type Archive, type ArchiveOptions } from './archive.ts';
import { archivePlace } from './layout.ts';
import { defaultLimits } from './unpack.ts';
import { verifyArchive } from './verify.ts';

const settings: TransferSettings = {
  way: 'zip',
  compress: 'off',
  checksums: 'off',
  zipCommand: '',
  limits: defaultLimits,
};
const tree = { 'a.tif': randomBytes(3_000_000), 'sub/b.csv': 'x,y\n1,2\n' };
const placeOf = (o: ArchiveOptions) => archivePlace(o.basePath, o.workflowId, o.taskId, o.stamp);
const zipsThere = async (results: Results): Promise<string[]> =>
  (await readdir(join(results.out, '..'))).filter((name) => name !== 'out');

/** A cluster whose connection breaks for good after a million bytes. */
function breaking(results: Results): Transport {
  let left = 1;
  return withStream(results, (argv) => {
    if (argv[0] !== 'tail') return null;
    return left-- > 0 ? ['sh', '-c', '"$@" | head -c 1000000; exit 255', 'sh', ...argv] : ['false'];
  });
}

/** Notes where each transfer began, and how often a zip was made. */
function watching(results: Results): { transport: Transport; offsets: string[]; made: () => number } {
  const offsets: string[] = [];
  let made = 0;
  const transport = withStream(results, (argv) => {
    if (argv[0] === 'tail') offsets.push(argv[2] ?? '');
    if (argv[2]?.includes('-tzip')) made++;
    return null;
  });
  return { transport, offsets, made: () => made };
}

async function brokenOff(results: Results, change: Partial<ArchiveOptions> = {}): Promise<ArchiveOptions> {
  const options = archiveOptions(results, { settings, retryMs: 1, ...change });
  await expect(archiveResults({ ...options, transport: breaking(results) })).rejects.toMatchObject({
    code: 'TRANSFER_INCOMPLETE',
    retryable: true,
    message: expect.stringContaining('1000000 of'),
  });
  expect(await readdir(placeOf(options).parent)).toEqual([`.${options.stamp}.${options.taskId}.partial`]);
  expect(await zipsThere(results)).toHaveLength(1);
  return options;
}

async function expectArchived(archive: Archive, results: Results): Promise<void> {
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
  expect((await readdir(archive.path)).sort()).toEqual(
    ['12_out', '12_out.zip', 'manifest-sha256.txt', 'omero-12.log', 'ro-crate-metadata.json'].sort(),
  );
  expect((await readFile(join(archive.path, '12_out/data/out/a.tif'))).equals(tree['a.tif'])).toBe(true);
  expect(await zipsThere(results)).toEqual([]);
}

describe.runIf(hasExecutable('7z'))('a zip whose transfer broke off', () => {
  test('is taken up by the next attempt where it broke, and not made again', async () => {
    const results = await makeResults(tree);
    const options = await brokenOff(results);
    const { transport, offsets, made } = watching(results);
    await expectArchived(await archiveResults({ ...options, transport }), results);
    expect(offsets).toEqual(['+1000001']);
    expect(made()).toBe(0);
  });

  test('by a killed process is taken up by another one', async () => {
    const results = await makeResults(tree);
    const { transport: _t, signal: _s, log: _l, jobLog: _j, ...plain } = archiveOptions(results, { settings });
    const bin = await temporaryFolder('bin');
    const path = process.env['PATH'] ?? '';
    await writeFile(join(bin, 'tail'), `#!/bin/sh\nPATH='${path}'\ntail "$@" | head -c 1000000\nexec sleep 300\n`, {
      mode: 0o755,
    });
    const [command = '', ...args] = ownProgram('src/archive/testing/archive-main');
    const child = spawn(command, [...args, JSON.stringify({ ...plain, home: results.home })], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, PATH: `${bin}:${path}` },
    });
    const ended = once(child, 'exit');
    const place = archivePlace(plain.basePath, plain.workflowId, plain.taskId, plain.stamp);
    const arrived = (): Promise<boolean> =>
      lstat(join(place.staging, '12_out.zip')).then(
        ({ size }) => size === 1_000_000,
        () => false,
      );
    for (let i = 0; !(await arrived()); i++) {
      if (i > 3000 || child.exitCode !== null) throw new Error('the child did not come so far');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    expect(await readdir(place.parent)).toEqual([`.${plain.stamp}.${plain.taskId}.partial`]);
    const { transport, offsets, made } = watching(results);
    await expectArchived(await archiveResults({ ...archiveOptions(results), ...plain, transport }), results);
    expect(offsets).toEqual(['+1000001']);
    expect(made()).toBe(0);
  });

  test.each<[string, (results: Results) => Promise<void>]>([
    ['the results changed', (r) => utimes(join(r.out, 'sub/b.csv'), 1, 1)],
    ['another result came', (r) => writeFile(join(r.out, 'new.csv'), 'late')],
    ['it was cut there', async (r) => truncate(join(r.out, '..', (await zipsThere(r))[0] ?? ''), 2_000_000)],
    ['it is gone there', async (r) => rm(join(r.out, '..', (await zipsThere(r))[0] ?? ''))],
  ])('is made anew when %s meanwhile', async (_what, change) => {
    const results = await makeResults(tree);
    const options = await brokenOff(results);
    await change(results);
    const { transport, offsets, made } = watching(results);
    await expectArchived(await archiveResults({ ...options, transport }), results);
    expect(offsets).toEqual(['+1']);
    expect(made()).toBe(1);
  });

  test.each<[string, (zip: string) => Promise<void>]>([
    ['has other bytes here', (zip) => writeFile(zip, randomBytes(1_000_000))],
    ['is a hole here, as after a power cut', (zip) => writeFile(zip, Buffer.alloc(1_000_000))],
  ])('and which %s is noticed, and begun anew by the attempt after', async (_what, spoil) => {
    for (const hasSha256 of [true, false]) {
      const full = await makeResults(tree);
      const results = hasSha256 ? full : { ...full, transport: withoutSha256(full) };
      const options = await brokenOff(results);
      await spoil(join(placeOf(options).staging, '12_out.zip'));
      await expect(archiveResults(options)).rejects.toMatchObject({
        code: 'TRANSFER_INCOMPLETE',
        retryable: true,
      });
      expect(await zipsThere(results)).toEqual([]);
      await expectArchived(await archiveResults(options), results);
    }
  });

  test('and that became longer or a link here is fetched from its beginning', async () => {
    const results = await makeResults(tree);
    const precious = join(await temporaryFolder('elsewhere'), 'precious');
    await writeFile(precious, 'x');
    for (const spoil of [
      (zip: string) => writeFile(zip, Buffer.alloc(9_000_000)),
      async (zip: string) => {
        await rm(zip);
        await symlink(precious, zip);
      },
    ]) {
      const options = await brokenOff(results);
      await spoil(join(placeOf(options).staging, '12_out.zip'));
      const { transport, offsets } = watching(results);
      await expectArchived(await archiveResults({ ...options, transport }), results);
      expect(offsets).toEqual(['+1']);
    }
    expect(await readFile(precious, 'utf8')).toBe('x');
  });

  test('is not looked for under a name that is not ours', async () => {
    const results = await makeResults(tree);
    for (const name of ['out', '../../precious', '.12_out.zip', '.13_out.0123456789ab.zip', '-rf']) {
      const options = archiveOptions(results, { settings });
      const { staging } = placeOf(options);
      await mkdir(staging, { recursive: true });
      await writeFile(join(staging, '.zip-there.json'), JSON.stringify({ name, results: 'x' }));
      const removed: string[] = [];
      const transport: Transport = {
        ...withStream(results, () => null),
        exec: (argv, o) => {
          if (argv[0] === 'rm') removed.push(...argv.slice(3));
          return results.transport.exec(argv, o);
        },
      };
      await expectArchived(await archiveResults({ ...options, transport }), results);
      for (const path of removed) expect(path).toMatch(/\/\.12_out\.[0-9a-f]{12}\.zip(\.tmp)?$/);
    }
  });

  test('is forgotten when the site chooses another way', async () => {
    const results = await makeResults(tree);
    const options = await brokenOff(results);
    const archive = await archiveResults({ ...options, settings: { ...settings, way: 'stream' } });
    expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
    expect(archive.files.map((f) => f.path)).not.toContain('.zip-there.json');
  });
});

/** The same cluster, which has no sha256sum. */
function withoutSha256(results: Results): Transport {
  return {
    ...withStream(results, () => null),
    exec: async (argv, options) => {
      const answer = await results.transport.exec(argv, options);
      return { ...answer, stdout: answer.stdout.replaceAll('sha256sum', 'none') };
    },
  };
}
