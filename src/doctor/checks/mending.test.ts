import { existsSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import { asUnprivileged } from '../../../test/support/unprivileged.ts';
import { ownUid } from '../../archive/storage-error.ts';
import { readMarker } from '../../storage/marker.ts';
import type { DoctorSite } from '../check.ts';
import { doctorSite, lookWith } from '../testing/doctor-site.ts';
import { groupFolders } from './group-folders.ts';
import { leftovers } from './leftovers.ts';
import { storage } from './storage.ts';

const weeks = 14 * 24 * 3_600_000;

let database: TestDatabase;
let site: DoctorSite;
let base: string;
beforeEach(async () => {
  database = await createTestDatabase({ migrations: true });
  site = await doctorSite(database);
  base = site.config.storage.baseDir;
});
afterEach(() => database.drop());

/** A run of group `lab`; gives its import task. */
async function run(change: Record<string, unknown> = {}): Promise<string> {
  const taskId = crypto.randomUUID();
  const row = {
    id: crypto.randomUUID(),
    task_id: taskId,
    workflow_task_id: crypto.randomUUID(),
    workflow: 'w',
    workflow_version: '1',
    parameters: '{}',
    recipe: 'import-results',
    user_id: 2,
    user_name: 'u',
    group_id: 7,
    group_name: 'lab',
    data_path: 'd',
    status: 'RETRIEVING',
    ...change,
  };
  const names = Object.keys(row);
  await database.pool.query(
    `insert into bridge.runs (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
    Object.values(row),
  );
  return taskId;
}

test('leftovers: what nobody needs is removed, what a run may need and what is young is left', async () => {
  const given = await run({ abandoned_at: new Date(Date.now() - 2 * weeks) });
  const needed = await run();
  const workflow = join(base, 'lab', '.analyzed', crypto.randomUUID());
  const folders = [given, needed].map((task) => join(workflow, `.20260101_120000.${task}.partial`));
  for (const folder of folders) await mkdir(join(folder, 'data'), { recursive: true });
  await mkdir(join(base, 'lab', '.biomero-bridge-smoke-0011aabb'));
  const outside = join(base, 'precious');
  await mkdir(outside);
  await symlink(outside, join(workflow, `.20260101_120001.${given}.partial`));
  const mappingFile = join(base, 'mappings.json');
  await writeFile(mappingFile, '{}');
  await writeFile(join(base, '.mappings.json.12-aabbccdd.new'), '{');
  const config = { ...site.config, storage: { baseDir: base, mappingFiles: [mappingFile] } };
  expect((await lookWith(leftovers, { ...site, config })).outcome).toBe('ok');

  // Times of folders cannot be turned back whole: the clock is turned on.
  const later = { ...site, config, now: () => Date.now() + weeks };
  expect(await lookWith(leftovers, later)).toMatchObject({ outcome: 'warning', fixed: null });
  const mended = await lookWith(leftovers, later, { fix: true });
  expect(mended).toMatchObject({ outcome: 'warning', found: expect.stringContaining(needed) });
  expect(mended.fixed).toContain(given);
  expect(folders.map((f) => existsSync(f))).toEqual([false, true]);
  expect(existsSync(outside)).toBe(true);
  expect(existsSync(join(base, 'lab', '.biomero-bridge-smoke-0011aabb'))).toBe(false);
  expect(existsSync(join(base, '.mappings.json.12-aabbccdd.new'))).toBe(false);
  expect(existsSync(mappingFile)).toBe(true);
  // A second time there is nothing to do.
  expect((await lookWith(leftovers, later, { fix: true })).fixed).toBe(null);
});

test('the marker of a storage is made where archives lie, never in an empty folder', async () => {
  expect(await lookWith(storage, site, { fix: true })).toMatchObject({ outcome: 'warning', fixed: null });
  expect(await readMarker(base)).toBe(null);
  await mkdir(join(base, 'lab', '.analyzed'), { recursive: true });
  expect(await lookWith(storage, site, { fix: true })).toMatchObject({
    outcome: 'ok',
    fixed: expect.stringContaining('adopted'),
  });
  expect(await lookWith(storage, site, { fix: true })).toMatchObject({ outcome: 'ok', fixed: null });
});

test('folders of groups that are missing are made, but not by root', async () => {
  await run();
  const archives = join(base, 'lab', '.analyzed');
  const plain = await lookWith(groupFolders, site);
  expect(plain).toMatchObject({ outcome: 'ok', found: expect.stringContaining('made by the first archive') });
  expect(existsSync(join(base, 'lab'))).toBe(false);
  if (ownUid() === 0) {
    expect((await lookWith(groupFolders, site, { fix: true })).fixed).toBe(null);
    expect(existsSync(archives)).toBe(false);
  }
  await asUnprivileged(async (uid) => {
    // Still root's, or somebody's: this user may not write it, and is named.
    await chmodAs(base, 0o555);
    expect(await lookWith(groupFolders, site)).toMatchObject({
      outcome: 'problem',
      found: expect.stringContaining(`uid:gid ${uid}:`),
      remedy: expect.any(String),
      who: expect.stringMatching(/admin|it/),
    });
    await chmodAs(base, 0o777);
    expect((await lookWith(groupFolders, site, { fix: true })).fixed).toContain(archives);
    expect(existsSync(archives)).toBe(true);
    expect((await lookWith(groupFolders, site, { fix: true })).fixed).toBe(null);
  });
});

/** As whoever made the folder, which may be root. */
async function chmodAs(folder: string, mode: number): Promise<void> {
  const uid = process.geteuid?.() ?? -1;
  if (process.getuid?.() === 0) process.seteuid?.(0);
  await chmod(folder, mode);
  if (process.getuid?.() === 0) process.seteuid?.(uid);
}
