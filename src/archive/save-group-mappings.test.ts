import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { asUnprivileged } from '../../test/support/unprivileged.ts';
import { takeFileLock } from '../lib/file-lock.ts';
import { ownProgram } from '../lib/package-root.ts';
import { resolveGroupFolder } from './group-folder.ts';
import { mappingsRevision, readGroupMappings } from './group-mappings.ts';
import { saveGroupMappings } from './save-group-mappings.ts';

interface Site {
  root: string;
  legacy: string;
  dedicated: string;
  storage: { baseDir: string; mappingFiles: string[] };
  folderOf(id: number | null, name: string): Promise<string>;
}

async function makeSite(legacyText?: string, dedicatedText?: string): Promise<Site> {
  const root = await temporaryFolder('save-mappings');
  const baseDir = join(root, 'data');
  const [legacy, dedicated] = [join(root, 'biomero-config.json'), join(root, 'group-mappings.json')];
  for (const name of ['a', 'b', 'c/deep', 'ä b']) await mkdir(join(baseDir, name), { recursive: true });
  if (legacyText !== undefined) await writeFile(legacy, legacyText);
  if (dedicatedText !== undefined) await writeFile(dedicated, dedicatedText);
  const storage = { baseDir, mappingFiles: [legacy, dedicated] };
  const folderOf = async (id: number | null, name: string): Promise<string> =>
    (await resolveGroupFolder(storage, { id, name })).path.slice(baseDir.length + 1);
  return { root, legacy, dedicated, storage, folderOf };
}

const change = (groupId: number, folder: string | null, groupName = `group ${groupId}`) => ({
  groupId,
  groupName,
  folder,
});
const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));

describe('where a mapping is written', () => {
  test('into a new group-mappings.json, when there is no file', async () => {
    const site = await makeSite();
    const saved = await saveGroupMappings(site.storage, [change(53, 'ä b')]);
    expect(saved).toMatchObject({ written: [site.dedicated], notes: [], findings: [] });
    expect(await readFile(site.dedicated, 'utf8')).toBe(
      '{\n    "53": {\n        "folder": "\\u00e4 b",\n        "groupName": "group 53"\n    }\n}\n',
    );
    expect(await site.folderOf(53, 'renamed')).toBe('ä b');
    expect(await readdir(site.root), 'nothing is left beside it').toEqual(['data', 'group-mappings.json']);
  });

  test('into both files, and the dedicated one wins; a removed mapping is in neither', async () => {
    const site = await makeSite('{"group_mappings": {"53": {"folder": "a", "groupName": "x"}}}', '{}');
    await saveGroupMappings(site.storage, [change(53, 'b'), change(54, 'c/deep')]);
    const entries = { 53: { folder: 'b', groupName: 'group 53' }, 54: { folder: 'c/deep', groupName: 'group 54' } };
    expect(await json(site.dedicated)).toEqual(entries);
    expect(await json(site.legacy)).toEqual({ group_mappings: entries });
    const saved = await saveGroupMappings(site.storage, [change(53, null)]);
    expect([...saved.mappings.keys()]).toEqual(['54']);
    expect(await json(site.legacy)).toEqual({ group_mappings: { 54: entries[54] } });
    expect((await resolveGroupFolder(site.storage, { id: 53, name: 'group 53' })).source).toBe('fallback');
  });

  test('into biomero-config.json alone, where it is the only one', async () => {
    const site = await makeSite('{"UPLOADER": {}}');
    expect((await saveGroupMappings(site.storage, [change(53, 'a')])).written).toEqual([site.legacy]);
    expect(await readdir(site.root)).toEqual(['biomero-config.json', 'data']);
  });

  test('with everything else in the files as it was, to the last character', async () => {
    const site = await makeSite(
      '{\n  "ttl": 1.0,\n  "group_mappings": {"53": {"folder": "a", "groupName": "x", "note": [1]}},\n  "big": 12345678901234567890\n}\n',
      '{"$schema": "https://example.org/s.json"}',
    );
    await saveGroupMappings(site.storage, [change(53, 'b')]);
    const text = await readFile(site.legacy, 'utf8');
    expect(text.startsWith('{\n  "ttl": 1.0,\n  "group_mappings": {\n    "53": {\n      "folder": "b",')).toBe(true);
    expect(text.endsWith('},\n  "big": 12345678901234567890\n}\n')).toBe(true);
    expect(JSON.parse(text)).toMatchObject({
      group_mappings: { 53: { folder: 'b', groupName: 'group 53', note: [1] } },
    });
    expect(await json(site.dedicated)).toMatchObject({ $schema: 'https://example.org/s.json', 53: { folder: 'b' } });
  });

  test('with owner and mode kept, and through a link', async () => {
    const site = await makeSite('{}');
    const [uid, gid] = process.getuid?.() === 0 ? [1234, 2345] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    await writeFile(join(site.root, 'real.json'), '{}', { mode: 0o600 });
    await chown(join(site.root, 'real.json'), uid, gid);
    await chmod(join(site.root, 'real.json'), 0o664);
    await symlink('real.json', site.dedicated);
    await saveGroupMappings(site.storage, [change(53, 'a')]);
    expect(await json(join(site.root, 'real.json'))).toHaveProperty('53');
    expect(await stat(join(site.root, 'real.json'))).toMatchObject({ uid, gid, mode: 0o100664 });
  });
});

describe('what is refused', () => {
  test.each([
    ['/etc', 'absolute'],
    ['../out', '".."'],
    ['root', 'whole storage'],
    ['absent', 'ENOENT'],
    ['file', 'not a folder'],
    ['link', 'leads to'],
    ['', 'empty'],
  ])('the folder %j', async (folder, reason) => {
    const site = await makeSite();
    await writeFile(join(site.storage.baseDir, 'file'), '');
    await symlink(site.root, join(site.storage.baseDir, 'link'));
    await expect(saveGroupMappings(site.storage, [change(53, 'a'), change(54, folder)])).rejects.toMatchObject({
      code: 'GROUP_MAPPING_REFUSED',
      message: expect.stringContaining(reason),
      params: { group: 'group 54' },
    });
    expect(await readGroupMappings(site.storage.mappingFiles)).toEqual(new Map());
  });

  test('two groups on one folder, however spelt, and one folder inside the other, unless that is said', async () => {
    const site = await makeSite();
    await symlink('a', join(site.storage.baseDir, 'also a'));
    await saveGroupMappings(site.storage, [change(1, 'a'), change(2, 'c')]);
    for (const folder of ['a', 'a/', 'also a', 'c/deep'])
      await expect(saveGroupMappings(site.storage, [change(3, folder)]), folder).rejects.toMatchObject({
        code: 'GROUP_MAPPING_REFUSED',
      });
    const saved = await saveGroupMappings(site.storage, [change(3, 'also a')], { allowShared: true });
    expect(saved.findings.map((f) => `${f.key} ${f.level} ${f.kind} ${f.other}`)).toEqual([
      '1 warning shared 3',
      '3 warning shared 1',
    ]);
    // What was allowed earlier does not hinder another group's change.
    await saveGroupMappings(site.storage, [change(4, 'b')]);
  });

  test('the group around another one, too', async () => {
    const site = await makeSite();
    await saveGroupMappings(site.storage, [change(1, 'c/deep')]);
    await expect(saveGroupMappings(site.storage, [change(2, 'c')])).rejects.toMatchObject({
      code: 'GROUP_MAPPING_REFUSED',
    });
  });

  test('a change to what somebody else has changed since', async () => {
    const site = await makeSite();
    const revision = await mappingsRevision(site.storage.mappingFiles);
    const saved = await saveGroupMappings(site.storage, [change(1, 'a')], { revision });
    await expect(saveGroupMappings(site.storage, [change(2, 'b')], { revision })).rejects.toMatchObject({
      code: 'GROUP_MAPPINGS_CHANGED',
      status: 409,
    });
    await saveGroupMappings(site.storage, [change(2, 'b')], { revision: saved.revision });
  });

  test('a file that cannot be understood, which stays as it is', async () => {
    const site = await makeSite('{"group_mappings": {', '{}');
    await expect(saveGroupMappings(site.storage, [change(1, 'a')])).rejects.toMatchObject({
      code: 'GROUP_MAPPINGS_INVALID',
    });
    expect(await readFile(site.legacy, 'utf8')).toBe('{"group_mappings": {');
  });
});

test('a faulty mapping of another group does not hinder', async () => {
  const site = await makeSite(undefined, '{"9": {"folder": "gone", "groupName": "nine"}}');
  const saved = await saveGroupMappings(site.storage, [change(1, 'a')]);
  expect(saved.findings).toMatchObject([{ key: '9', kind: 'missing', level: 'error' }]);
});

describe('many at once', () => {
  test('no change is lost, and every reader finds a whole file', async () => {
    const site = await makeSite('{}', '{}');
    for (let i = 0; i < 24; i++) await mkdir(join(site.storage.baseDir, `f${i}`));
    const { pool } = await createTestDatabase();
    let saving = true;
    let reads = 0;
    const reader = (async () => {
      for (; saving; reads++) await readGroupMappings(site.storage.mappingFiles);
    })();
    await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        saveGroupMappings(site.storage, [change(i, `f${i}`)], { waitMs: 120_000, ...(i % 2 ? { db: pool } : {}) }),
      ),
    );
    saving = false;
    await reader;
    expect(reads).toBeGreaterThan(0);
    expect((await readGroupMappings(site.storage.mappingFiles)).size).toBe(24);
    expect(Object.keys((await json(site.legacy)) as object)).toEqual(['group_mappings']);
  });

  test('of several processes, one of them killed at any moment, no save that was confirmed is lost', async () => {
    const site = await makeSite('{"other": 1.0}', '{}');
    const [program = '', ...args] = ownProgram('src/archive/testing/save-mappings-main');
    const each = 12;
    for (let id = 0; id < 4 * each; id++) await mkdir(join(site.storage.baseDir, `f${id}`));
    const confirmed: number[] = [];
    const save = (first: number, killAfter: number): Promise<unknown> => {
      const words = [site.storage.baseDir, first, each, site.legacy, site.dedicated].map(String);
      const child = spawn(program, [...args, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
      let lines = 0;
      child.stdout.on('data', (chunk) => {
        const ids = String(chunk).trim().split('\n').map(Number);
        confirmed.push(...ids);
        lines += ids.length;
        // Somewhere in a save: the next one begins at once.
        if (lines >= killAfter) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
      });
      return once(child, 'close');
    };
    await Promise.all([save(0, Infinity), save(each, Infinity), save(2 * each, 3), save(3 * each, 5)]);
    expect(confirmed.length).toBeGreaterThanOrEqual(2 * each + 8);
    const mappings = await readGroupMappings(site.storage.mappingFiles);
    expect(confirmed.filter((id) => !mappings.has(String(id)))).toEqual([]);
    expect((await readFile(site.legacy, 'utf8')).startsWith('{"other": 1.0, "group_mappings": {')).toBe(true);
    // What a killed one held is free again.
    await saveGroupMappings(site.storage, [change(99, 'a')]);
  }, 180_000);

  test('a save that goes on for too long elsewhere is named', async () => {
    const site = await makeSite();
    const lock = await takeFileLock(join(site.root, '.group-mappings.json.lock'));
    await expect(saveGroupMappings(site.storage, [change(1, 'a')], { waitMs: 30 })).rejects.toMatchObject({
      code: 'GROUP_MAPPINGS_BUSY',
      params: { pid: process.pid },
    });
    if ('release' in lock) await lock.release();
    await saveGroupMappings(site.storage, [change(1, 'a')]);
  });
});

describe('files that cannot be replaced', () => {
  test.runIf(canMount())('a file mounted by itself is written in place, with a backup', async () => {
    const site = await makeSite(undefined, '{"9": {"folder": "a", "groupName": "a name that makes this text longer"}}');
    const outside = join(site.root, 'outside.json');
    await writeFile(outside, await readFile(site.dedicated));
    execFileSync('mount', ['--bind', outside, site.dedicated]);
    onTestFinished(() => void execFileSync('umount', [site.dedicated]));
    const before = await readFile(outside, 'utf8');
    let writing = true;
    const reader = (async () => {
      while (writing) await readGroupMappings(site.storage.mappingFiles);
    })();
    const saved = await saveGroupMappings(site.storage, [change(9, null), change(1, 'b')]);
    for (let i = 0; i < 40; i++) await saveGroupMappings(site.storage, [change(2, i % 2 ? null : 'a')]);
    writing = false;
    await reader;
    expect(saved.notes).toEqual([expect.stringContaining(`in place; what stood there is in ${site.dedicated}.bak`)]);
    expect(await json(outside)).toEqual({ 1: { folder: 'b', groupName: 'group 1' } });
    expect(before).not.toBe(await readFile(outside, 'utf8'));
    expect(await site.folderOf(1, 'x')).toBe('b');
  });

  test('a file in a folder that is not ours, with the backup where we may write', async () => {
    const site = await makeSite('{}', '{}');
    for (const file of [site.legacy, site.dedicated]) await chmod(file, 0o666);
    await chmod(site.root, 0o555);
    const saved = await asUnprivileged(() => saveGroupMappings(site.storage, [change(1, 'a')]));
    expect(saved.written).toEqual([site.legacy, site.dedicated]);
    expect(saved.notes).toHaveLength(2);
    expect(await json(site.legacy)).toEqual({ group_mappings: { 1: { folder: 'a', groupName: 'group 1' } } });
    for (const note of saved.notes) {
      const backup = / is in (.*)\.$/.exec(note)?.[1] ?? '';
      onTestFinished(() => rm(dirname(backup), { recursive: true }));
      expect(await readFile(backup, 'utf8')).toBe('{}');
    }
    await chmod(site.root, 0o755);
  });

  test('a file that we may only read: told, or refused where the change would not hold', async () => {
    const site = await makeSite('{"group_mappings": {"9": {"folder": "b", "groupName": "nine"}}}', '{}');
    await chmod(site.dedicated, 0o666);
    await chmod(site.root, 0o555);
    const tried = await asUnprivileged(async () => {
      const saved = await saveGroupMappings(site.storage, [change(1, 'a')]);
      const removed = await saveGroupMappings(site.storage, [change(9, null)]).catch((error: unknown) => error);
      return { saved, removed };
    });
    expect(tried.saved.written).toEqual([site.dedicated]);
    expect(tried.saved.notes[0]).toContain(`${site.legacy} could not be written`);
    expect(tried.removed).toMatchObject({ code: 'GROUP_MAPPINGS_NOT_SAVED', params: { file: site.legacy } });
    expect(await readGroupMappings(site.storage.mappingFiles)).toHaveProperty('size', 2);
    await chmod(site.root, 0o755);
  });
});

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'biomero-bridge-mount-'));
  try {
    execFileSync('mount', ['--bind', folder, folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
