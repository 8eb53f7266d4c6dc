import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { syncFolder } from '../lib/sync-folder.ts';
import { archiveResults, type ArchiveOptions } from './archive.ts';
import { Landing, landingFs, type LandingFs } from './landing.ts';
import { archivePlace, freeStamp } from './layout.ts';
import { verifyArchive } from './verify.ts';

const tree = { 'a.tif': 'pixels', 'sub/b.csv': 'x,y\n1,2\n' };
const placeOf = (o: ArchiveOptions) => archivePlace(o.basePath, o.workflowId, o.taskId, o.stamp);
const failure = (code: string): Error => Object.assign(new Error(`${code}: as a share reports it`), { code });

/** The file system, but each of these fails that often with this code before it does its work, or after it has. */
function failing(call: keyof LandingFs, code: string, options: { times?: number; at?: RegExp; done?: boolean } = {}) {
  let left = options.times ?? 1;
  const seen: string[] = [];
  const real: (...paths: string[]) => Promise<unknown> = landingFs[call];
  const broken = async (...paths: string[]): Promise<unknown> => {
    seen.push(paths.join(' -> '));
    const fails = left > 0 && (options.at ?? /./).test(paths.at(-1) ?? '');
    if (!fails) return real(...paths);
    left--;
    if (options.done) await real(...paths);
    throw failure(code);
  };
  return { landing: new Landing({ ...landingFs, [call]: broken }, [1, 1, 1, 1]), seen };
}

const ontoFinal = /\/\d{8}_\d{6}$/;

async function expectArchived(options: ArchiveOptions): Promise<void> {
  const archive = await archiveResults(options);
  expect(archive.path).toBe(placeOf(options).final);
  expect(await readdir(placeOf(options).parent)).toEqual([options.stamp]);
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
}

describe('a rename that reports an error', () => {
  test.each(['EIO', 'ENOENT', 'ESTALE', 'EEXIST', 'ENOTEMPTY', 'ETIMEDOUT'])(
    '%s, though it happened, is a rename that happened',
    async (code) => {
      const { landing, seen } = failing('rename', code, { at: ontoFinal, done: true });
      await expectArchived(archiveOptions(await makeResults(tree), { landing }));
      expect(seen.filter((names) => ontoFinal.test(names))).toHaveLength(1);
    },
  );

  test.each(['EIO', 'ENOENT', 'ESTALE'])('%s, and did not happen, is tried again', async (code) => {
    const { landing, seen } = failing('rename', code, { at: ontoFinal, times: 3 });
    await expectArchived(archiveOptions(await makeResults(tree), { landing }));
    expect(seen.filter((names) => ontoFinal.test(names))).toHaveLength(4);
  });

  test('and whose new name shows only later, is found then', async () => {
    const options = archiveOptions(await makeResults(tree));
    const { final } = placeOf(options);
    let renamed = false;
    let hidden = 3;
    const fs: LandingFs = {
      ...landingFs,
      rename: async (from, to) => {
        await landingFs.rename(from, to);
        if (to !== final) return;
        renamed = true;
        throw failure('EIO');
      },
      isFolder: async (path) => {
        if (path === final && renamed && hidden-- > 0) throw failure('ENOENT');
        return landingFs.isFolder(path);
      },
    };
    await expectArchived({ ...options, landing: new Landing(fs, [1, 1, 1, 1]) });
    expect(hidden).toBeLessThan(0);
  });

  test('for ever is an error; what was built stays, and is an archive once the storage is well', async () => {
    const { landing } = failing('rename', 'EIO', { at: ontoFinal, times: 100 });
    const options = archiveOptions(await makeResults(tree), { landing });
    await expect(archiveResults(options)).rejects.toMatchObject({ code: 'STORAGE_FAILED', retryable: true });
    expect(await readdir(placeOf(options).parent)).toEqual([`.${options.stamp}.${options.taskId}.partial`]);
    await expectArchived({ ...options, landing: new Landing() });
  });

  test('because somebody took the name meanwhile leaves what is there as it is', async () => {
    const results = await makeResults(tree);
    const options = archiveOptions(results);
    const { final, parent } = placeOf(options);
    for (const inside of [null, 'file']) {
      const fs: LandingFs = {
        ...landingFs,
        rename: async (from, to) => {
          if (to !== final) return landingFs.rename(from, to);
          await landingFs.mkdir(final);
          if (inside !== null) await landingFs.mkdir(join(final, inside));
          throw failure('EIO');
        },
      };
      const landing = new Landing(fs, [1]);
      await expect(archiveResults({ ...options, landing })).rejects.toMatchObject({ code: 'ARCHIVE_NAME_TAKEN' });
      expect(await readdir(final)).toEqual(inside === null ? [] : [inside]);
      expect(await readdir(parent)).toHaveLength(2);
      if (inside === null) await landingFs.rmdir(final);
    }
  });

  test('of the staging folder itself, though it happened, loses nothing', async () => {
    for (const code of ['EIO', 'ENOENT', 'EEXIST']) {
      const { landing } = failing('rename', code, { at: /\.partial$/, done: true });
      await expectArchived(archiveOptions(await makeResults(tree), { landing }));
    }
  });

  test('on a share that moves no folder over another one', async () => {
    const { landing } = failing('rename', 'EEXIST', { at: /\.partial$/ });
    await expectArchived(archiveOptions(await makeResults(tree), { landing }));
  });
});

test('names on two file systems are an error that tells both, never a copy', async () => {
  const { landing, seen } = failing('rename', 'EXDEV', { at: ontoFinal, times: 100 });
  const options = archiveOptions(await makeResults(tree), { landing });
  const { staging, final, parent } = placeOf(options);
  await expect(archiveResults(options)).rejects.toMatchObject({
    code: 'STORAGE_NO_RENAME',
    who: 'it',
    params: { from: staging, to: final },
  });
  expect(seen.filter((names) => ontoFinal.test(names))).toHaveLength(1);
  expect(await readdir(parent)).toEqual([`.${options.stamp}.${options.taskId}.partial`]);
  expect(await verifyArchive(staging)).toEqual({ ok: true, problems: [] });
});

describe('what another host did a moment ago', () => {
  test.each(['ENOENT', 'ESTALE'])('a folder in which nothing can be made yet (%s) is waited for', async (code) => {
    const { landing } = failing('mkdir', code, { times: 3 });
    await expectArchived(archiveOptions(await makeResults(tree), { landing }));
  });

  test.each(['ENOENT', 'ESTALE'])('a folder that cannot be read yet (%s) is waited for', async (code) => {
    const { workflowId, taskId, basePath } = archiveOptions(await makeResults(tree));
    const now = new Date(2025, 0, 2, 3, 4, 5);
    for (const call of ['names', 'mkdir'] as const) {
      const { landing } = failing(call, code, { times: 2 });
      expect(await freeStamp(basePath, workflowId, taskId, now, landing)).toBe('20250102_030405');
    }
  });

  test('a folder that we made, though the answer got lost and a repetition found it there', async () => {
    const { landing } = failing('mkdir', 'EEXIST', { done: true, times: 3 });
    await expectArchived(archiveOptions(await makeResults(tree), { landing }));
  });

  test('a handle that went stale is asked for again', async () => {
    for (const call of ['isFolder', 'syncFolder'] as const) {
      const { landing } = failing(call, 'ESTALE', { times: 3 });
      await expectArchived(archiveOptions(await makeResults(tree), { landing }));
    }
  });

  test('a group folder that stays away is an error in the end, and is not made', async () => {
    const options = archiveOptions(await makeResults(tree), { landing: new Landing(landingFs, [1, 1]) });
    const gone = { ...options, basePath: join(options.basePath, 'gone') };
    await expect(archiveResults(gone)).rejects.toMatchObject({ code: 'STORAGE_FAILED', retryable: true });
    expect(await readdir(dirname(gone.basePath))).toEqual([]);
  });
});

test.each(['EINVAL', 'ENOTSUP', 'EACCES', 'EPERM', 'EISDIR'])(
  'a folder that may not be synced (%s) is fine, when opened and when synced',
  async (code) => {
    const folder = await temporaryFolder('sync');
    await syncFolder(folder, () => Promise.reject(failure(code)));
    let closed = false;
    const handle = { sync: () => Promise.reject(failure(code)), close: async () => void (closed = true) };
    await syncFolder(folder, async () => handle);
    expect(closed).toBe(true);
  },
);

test('a folder whose sync fails is an error', async () => {
  const folder = await temporaryFolder('sync');
  const handle = { sync: () => Promise.reject(failure('EIO')), close: async () => {} };
  await expect(syncFolder(folder, async () => handle)).rejects.toMatchObject({ code: 'EIO' });
  const { landing } = failing('syncFolder', 'EIO', { times: 100 });
  const options = archiveOptions(await makeResults(tree), { landing });
  await expect(archiveResults(options)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  // It stands under its name already: the next attempt reads it again and takes it.
  await expectArchived({ ...options, landing: new Landing() });
});
