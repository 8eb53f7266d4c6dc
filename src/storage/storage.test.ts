import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { asUnprivileged } from '../../test/support/unprivileged.ts';
import { archiveResults } from '../archive/archive.ts';
import { adoptStorage } from './adopt.ts';
import { markerName } from './marker.ts';
import { requireStorage } from './preflight.ts';

let database: TestDatabase;
let base = '';
const warnings: string[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
const team = { id: 3, name: 'team' };
const require = (more: { chosen?: string; bytes?: number; files?: number } = {}) =>
  requireStorage(database.pool, { baseDir: base, mappingFiles: [] }, team, { log, ...more });

beforeAll(async () => {
  database = await createTestDatabase({ migrations: true });
});
afterAll(() => database.drop());
beforeEach(async () => {
  base = await temporaryFolder('storage');
  warnings.length = 0;
});

test('a storage without a marker is used, with one warning', async () => {
  expect(await require()).toEqual({ path: join(base, 'team'), source: 'fallback' });
  await require();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('storage adopt');
});

test('an empty folder where an adopted mount was is never written to', async () => {
  const adopted = await adoptStorage(database.pool, base);
  expect(adopted).toMatchObject({ path: base, fresh: true });
  expect((await stat(join(base, markerName))).mode & 0o444).toBe(0o444);
  const { path: chosen } = await require();
  await rename(base, `${base}.away`);
  await mkdir(join(base, 'team'), { recursive: true });
  for (const more of [{}, { chosen }]) {
    const refused = expect.objectContaining({
      code: 'STORAGE_MOUNT_CHANGED',
      who: 'it',
      retryable: true,
      params: expect.objectContaining({ path: base, marker: adopted.marker }),
    });
    await expect(require(more)).rejects.toEqual(refused);
  }
  expect(await readdir(join(base, 'team'))).toEqual([]);
  expect(await readdir(base)).toEqual(['team']);
  // Back again, it is used as before.
  await rm(base, { recursive: true });
  await rename(`${base}.away`, base);
  await require({ chosen });
  expect(warnings).toEqual([]);
});

test('another storage in its place is refused until it is adopted in its stead', async () => {
  const first = await adoptStorage(database.pool, base);
  expect(await adoptStorage(database.pool, base)).toEqual({ ...first, fresh: false });
  await rm(join(base, markerName));
  await expect(adoptStorage(database.pool, base)).rejects.toMatchObject({ code: 'STORAGE_MOUNT_CHANGED' });
  const second = await adoptStorage(database.pool, base, { replace: true });
  expect(second.marker).not.toBe(first.marker);
  await require();
  await writeFile(join(base, markerName), JSON.stringify({ id: first.marker, adoptedAt: '' }));
  await expect(require()).rejects.toThrow(`it bears the marker ${first.marker}`);
  await writeFile(join(base, markerName), '{');
  await expect(require()).rejects.toMatchObject({ code: 'STORAGE_MOUNT_CHANGED' });
});

test('a marker that another database wrote is known from its first sight on', async () => {
  const other = await createTestDatabase({ migrations: true });
  await adoptStorage(other.pool, base);
  await other.drop();
  await require();
  expect(warnings).toEqual([]);
  await rm(join(base, markerName));
  await expect(require()).rejects.toMatchObject({ code: 'STORAGE_MOUNT_CHANGED' });
});

test('a mount of its own below the storage is known by its own marker', async () => {
  await adoptStorage(database.pool, base);
  await mkdir(join(base, 'team'));
  await adoptStorage(database.pool, join(base, 'team'));
  await require();
  await rm(join(base, 'team', markerName));
  await expect(require()).rejects.toMatchObject({ params: { path: join(base, 'team') } });
  // A folder whose name only begins alike is another one.
  await requireStorage(database.pool, { baseDir: base, mappingFiles: [] }, { id: 4, name: 'team-b' }, { log });
});

test('what is to come has to fit', async () => {
  await expect(require({ bytes: 2 ** 60 })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  await require({ bytes: 1000, files: 10 });
});

test('a folder that cannot be adopted says why', async () => {
  await expect(adoptStorage(database.pool, join(base, 'no'))).rejects.toMatchObject({ code: 'STORAGE_BASE_MISSING' });
  await chmod(base, 0o555);
  await asUnprivileged(() =>
    expect(adoptStorage(database.pool, base)).rejects.toMatchObject({ code: 'STORAGE_NOT_WRITABLE' }),
  );
});

test('the permissions of an archive are as configured, so that another user can read it', async () => {
  const options = archiveOptions(await makeResults({ 'a/b.tif': 'x', 'c.csv': 'y' }));
  const { path, files } = await archiveResults({ ...options, modes: { folder: 0o2755, file: 0o444 } });
  for (const folder of ['', '..', '../..', '12_out/data/out/a'])
    expect((await stat(join(path, folder))).mode & 0o7777).toBe(0o2755);
  for (const file of [...files.map((f) => f.path), 'manifest-sha256.txt'])
    expect((await stat(join(path, file))).mode & 0o7777).toBe(0o444);
  for (let folder = options.basePath; folder !== tmpdir(); folder = dirname(folder)) await chmod(folder, 0o755);
  await asUnprivileged(async () => expect(await readFile(join(path, '12_out/data/out/a/b.tif'), 'utf8')).toBe('x'));

  const closed = await archiveResults({
    ...archiveOptions(await makeResults({ 'a.tif': 'x' })),
    modes: { folder: 0o700, file: 0o600 },
  });
  if (process.getuid?.() === 0)
    await asUnprivileged(() => expect(readFile(join(closed.path, 'omero-12.log'))).rejects.toThrow('EACCES'));
});
