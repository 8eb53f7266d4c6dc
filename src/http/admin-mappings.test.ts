import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { resolveGroupFolder } from '../archive/group-folder.ts';
import { adminMappingRoutes, type MappingPreview, type MappingsView } from './routes/admin-mappings.ts';
import { appOf } from './testing/app-of.ts';

let db: TestDatabase;
let baseDir = '';
let file = '';
const log = pino({ level: 'silent' });

beforeAll(async () => {
  db = await createTestDatabase({ migrations: true });
});
beforeEach(async () => {
  baseDir = await temporaryFolder('mappings');
  file = join(await temporaryFolder('mapping-files'), 'group-mappings.json');
  await writeFile(file, JSON.stringify({ 5: { folder: 'old', groupName: 'team', note: 'kept' } }));
  for (const folder of ['old', 'new/deep', 'other']) await mkdir(join(baseDir, folder), { recursive: true });
});
afterAll(() => db.drop());

async function ask<T>(
  path: string,
  body?: unknown,
  groups = [
    { id: 5, name: 'team' },
    { id: 6, name: 'x' },
  ],
): Promise<T> {
  const parts = { runs: db.pool, storage: { baseDir, mappingFiles: [file] }, log, omeroGroups: async () => groups };
  const response = await appOf(adminMappingRoutes(parts), db.pool, log).request(path, {
    ...(body === undefined
      ? {}
      : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, ...((await response.json()) as object) } as T;
}

const check = (folder: string, groupId = 5): Promise<MappingPreview> =>
  ask('/api/admin/mappings/check', { groupId, groupName: 'team', folder });

test('a mapping is tried before it is saved, and nothing of the trial stays', async () => {
  expect(await check('new/deep')).toMatchObject({
    path: join(baseDir, 'new/deep/.analyzed'),
    findings: [],
    notWritable: null,
    archivesElsewhere: 0,
  });
  expect(await readdir(join(baseDir, 'new/deep'))).toEqual([]);
  expect((await check('gone')).findings[0]).toMatchObject({ level: 'error', kind: 'missing' });
  expect(await check('../up')).toMatchObject({ path: null, findings: [{ level: 'error', kind: 'refused' }] });
  expect((await check('old', 6)).findings.map((f) => f.kind)).toContain('shared');
});

test('a mapping is saved for whoever reads it next, once, and the audit says what it was', async () => {
  const view = await ask<MappingsView>('/api/admin/mappings');
  expect(view.mappings).toEqual([{ groupId: 5, groupName: 'team', folder: 'old', file }]);
  const change = { groupId: 5, groupName: 'team', folder: 'new/deep', revision: view.revision };
  expect(await ask('/api/admin/mappings', { ...change, folder: '../up' })).toMatchObject({ status: 422 });
  expect(await ask('/api/admin/mappings', { ...change, groupId: 'x' })).toMatchObject({ status: 400 });
  expect(await ask('/api/admin/mappings', change)).toMatchObject({ status: 200, notes: [] });
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    5: { folder: 'new/deep', groupName: 'team', note: 'kept' },
  });
  expect(await resolveGroupFolder({ baseDir, mappingFiles: [file] }, { id: 5, name: 'team' })).toMatchObject({
    path: join(baseDir, 'new/deep'),
  });
  // Whoever looked before must look again.
  expect(await ask('/api/admin/mappings', { ...change, folder: 'other' })).toMatchObject({
    status: 409,
    code: 'GROUP_MAPPINGS_CHANGED',
  });
  const { rows } = await db.pool.query('select who, action, reason from bridge.audit');
  expect(rows).toEqual([{ who: 'chief', action: 'mapping', reason: 'Group team (5): old, now new/deep' }]);
});

test('an OMERO that does not answer hides no mapping, and a renamed group is told', async () => {
  const renamed = await ask<MappingsView>('/api/admin/mappings', undefined, [{ id: 5, name: 'renamed' }]);
  expect(renamed.findings.map((f) => f.kind)).toEqual(['renamed']);
  const parts = {
    runs: db.pool,
    storage: { baseDir, mappingFiles: [file] },
    log,
    omeroGroups: () => Promise.reject(new Error('away')),
  };
  const answer = await appOf(adminMappingRoutes(parts), db.pool, log).request('/api/admin/mappings');
  expect(await answer.json()).toMatchObject({ groups: null, groupsUnknown: 'away', mappings: [{ groupId: 5 }] });
});
