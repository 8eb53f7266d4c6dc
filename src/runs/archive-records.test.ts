import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { archiveResults, type Archive, type ArchiveOptions } from '../archive/archive.ts';
import { archivesBelow, archivesOfRun, listArchives, restoreRecord } from './archive-records.ts';
import { readArchiveFiles } from './read-runs.ts';
import { readRunView } from './read-view.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ migrations: true });
});
afterAll(() => database.drop());

async function newArchive(): Promise<{ archive: Archive; options: ArchiveOptions }> {
  const results = await makeResults({ 'a.tif': 'image', 'table.csv': 'a\n1\n' });
  const options = archiveOptions(results);
  const provenance = { ...options.provenance, userId: 7, groupId: 3 };
  return { archive: await archiveResults({ ...options, provenance }), options };
}

test('records come back from the folder alone, once, and say what they do not know', async () => {
  const { archive, options } = await newArchive();
  const { workflowId, taskId } = options;
  const restored = { path: archive.path, state: 'restored', runId: workflowId, reason: null };
  expect(await restoreRecord(database.pool, archive.path)).toEqual(restored);
  expect(await restoreRecord(database.pool, archive.path)).toEqual({ ...restored, state: 'known' });
  expect(await readArchiveFiles(database.pool, taskId)).toEqual(
    archive.files.map(({ path, bytes, sha256, kind }) => ({ path, bytes, sha256, kind })),
  );
  expect(await archivesOfRun(database.pool, workflowId)).toMatchObject([
    { path: archive.path, bytes: archive.bytes, files: archive.files.length, manifestSha256: archive.manifestSha256 },
  ]);
  expect((await listArchives(database.pool, 'team')).map((r) => r.runId)).toContain(workflowId);
  expect(await listArchives(database.pool, 'others')).toEqual([]);
  const view = await readRunView({ runs: database.pool, orders: database.pool }, workflowId);
  expect(view).toMatchObject({
    state: 'done',
    workflow: 'nuclei',
    parameters: { threshold: 'otsu', sigma: 1.5, split: true },
    owner: { user: { id: 7 }, group: { id: 3 } },
    input: { type: 'Dataset', id: 5, name: 'Cells' },
    launchedAt: '2025-01-02T01:00:00.000Z',
    endedAt: '2025-01-02T02:00:00.000Z',
    sentence: `Archived ${archive.files.length} of ${archive.files.length} files; its records were restored from the archive, which does not tell what is in OMERO.`,
  });
});

test('a storage that is mounted elsewhere: the record follows the archive', async () => {
  const { archive, options } = await newArchive();
  await restoreRecord(database.pool, archive.path);
  const elsewhere = `${options.basePath}-new`;
  await rename(options.basePath, elsewhere);
  const path = archive.path.replace(options.basePath, elsewhere);
  expect(await restoreRecord(database.pool, path)).toMatchObject({
    state: 'moved',
    reason: expect.stringContaining(archive.path),
  });
  expect((await archivesOfRun(database.pool, options.workflowId)).map((r) => r.path)).toEqual([path]);
});

test('what is damaged, copied or not ours is skipped with its reason, and leaves no record', async () => {
  const { archive, options } = await newArchive();
  const reasonOf = async (path: string) => {
    const { state, reason } = await restoreRecord(database.pool, path);
    expect(state).toBe('skipped');
    return reason;
  };
  const copy = join(dirname(dirname(archive.path)), '6f6d2b5e-3b64-4d3c-9d9b-0a4f8d6f2d11', '20250102_030405');
  await mkdir(dirname(copy));
  await cp(archive.path, copy, { recursive: true });
  expect(await reasonOf(copy)).toContain('copy');
  await writeFile(join(archive.path, '12_out/data/out/a.tif'), 'other');
  expect(await reasonOf(archive.path)).toContain('not as its manifest says (1 found)');
  await rm(join(archive.path, 'ro-crate-metadata.json'));
  expect(await reasonOf(archive.path)).toContain('another program');
  expect(await archivesOfRun(database.pool, options.workflowId)).toEqual([]);
  const { paths, unread } = await archivesBelow([dirname(options.basePath), options.basePath, '/not/there']);
  expect(paths).toEqual([archive.path, copy].sort());
  expect(unread).toMatchObject([{ path: '/not/there', state: 'skipped' }]);
});
