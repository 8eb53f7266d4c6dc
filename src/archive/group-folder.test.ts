import * as fc from 'fast-check';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { refuseFolder, refuseGroupName, resolveGroupFolder, type GroupFolder } from './group-folder.ts';

interface Site {
  base: string;
  configFile: string;
  dedicatedFile: string;
  resolve(id: number | null, name: string): Promise<GroupFolder>;
}

async function makeSite(config?: unknown, dedicated?: unknown): Promise<Site> {
  const root = await temporaryFolder('mappings');
  const [base, configFile, dedicatedFile] = [
    join(root, 'data'),
    join(root, 'biomero-config.json'),
    join(root, 'group-mappings.json'),
  ];
  await mkdir(join(base, 'Project A', 'deep'), { recursive: true });
  await mkdir(join(base, 'Shared'));
  if (config !== undefined) await writeFile(configFile, text(config));
  if (dedicated !== undefined) await writeFile(dedicatedFile, text(dedicated));
  const storage = { baseDir: base, mappingFiles: [configFile, dedicatedFile] };
  return { base, configFile, dedicatedFile, resolve: (id, name) => resolveGroupFolder(storage, { id, name }) };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const mapped = (mappings: Record<string, unknown>): unknown => ({
  UPLOADER: { enabled: true },
  group_mappings: mappings,
});

test('without files or mappings a group has the folder of its name, there or not', async () => {
  const site = await makeSite({ UPLOADER: { enabled: true } });
  expect(await site.resolve(0, 'system')).toEqual({ path: join(site.base, 'system'), source: 'fallback' });
  expect(await site.resolve(1, 'Shared')).toEqual({ path: join(site.base, 'Shared'), source: 'fallback' });
});

test('a mapping wins, by group id before the name, so a renamed group keeps its folder', async () => {
  const site = await makeSite(
    mapped({
      '53': { folder: 'Project A/deep', groupName: 'old name' },
      '54': { folder: 'Shared/', groupName: 'imaging' },
    }),
  );
  expect(await site.resolve(53, 'imaging')).toEqual({ path: join(site.base, 'Project A/deep'), source: 'mapping' });
  expect(await site.resolve(null, 'imaging')).toMatchObject({ path: join(site.base, 'Shared/'), source: 'mapping' });
  expect((await site.resolve(9, 'Imaging')).source).toBe('fallback');
});

test('the dedicated file wins by group id, and a change holds at the next use', async () => {
  const site = await makeSite(mapped({ '53': { folder: 'Shared', groupName: 'a' } }), {
    '53': { folder: 'Project A', groupName: 'a' },
  });
  expect((await site.resolve(53, 'a')).path).toBe(join(site.base, 'Project A'));
  await rm(site.dedicatedFile);
  expect((await site.resolve(53, 'a')).path).toBe(join(site.base, 'Shared'));
  await writeFile(site.dedicatedFile, '{}');
  expect((await site.resolve(53, 'a')).path).toBe(join(site.base, 'Shared'));
});

describe('mappings that cannot be understood are an error that names file and key', () => {
  test.each([
    ['{"group_mappings": {', 'JSON'],
    ['', 'JSON'],
    ['[]', 'file'],
    ['{"group_mappings": []}', 'group_mappings'],
    ['{"group_mappings": null}', 'group_mappings'],
    ['{"group_mappings": {"53": "Project A"}}', '53'],
    ['{"group_mappings": {"53": {"folder": "", "groupName": "a"}}}', '53.folder'],
    ['{"group_mappings": {"53": {"folder": 7, "groupName": "a"}}}', '53.folder'],
    ['{"group_mappings": {"53": {"folder": "x"}}}', '53.groupName'],
    ['{"group_mappings": {"a": {"folder": "x", "groupName": "a"}}}', 'a'],
    ['{"team": {"folder": "x", "groupName": "a"}}', 'team'],
  ])('%s', async (content, key) => {
    const site = await makeSite(content);
    await expect(site.resolve(1, 'other')).rejects.toMatchObject({
      code: 'GROUP_MAPPINGS_INVALID',
      who: 'admin',
      params: { file: site.configFile, key },
    });
  });

  test('a folder in the place of the file', async () => {
    const site = await makeSite();
    await mkdir(site.dedicatedFile);
    await expect(site.resolve(1, 'a')).rejects.toMatchObject({
      code: 'GROUP_MAPPINGS_INVALID',
      message: expect.stringContaining('a folder, which container engines make'),
    });
  });
});

test('one name with two folders is ambiguous unless the id decides', async () => {
  const site = await makeSite(
    mapped({ '53': { folder: 'Shared', groupName: 'a' }, '54': { folder: 'Project A', groupName: 'a' } }),
  );
  await expect(site.resolve(null, 'a')).rejects.toMatchObject({
    code: 'GROUP_MAPPING_AMBIGUOUS',
    message: expect.stringContaining('53, 54'),
  });
  expect((await site.resolve(54, 'a')).path).toBe(join(site.base, 'Project A'));
});

describe('nothing outside the storage is ever a group folder', () => {
  test.each([
    '/etc',
    '../x',
    'a/../../x',
    '..',
    '.',
    './a',
    'a//b',
    'a\\..\\b',
    'a\nb',
    'a\0b',
    'root',
    ' ',
    '.analyzed',
    'a/.Analyzed',
  ])('mapped to %j', async (folder) => {
    const site = await makeSite(mapped({ '5': { folder, groupName: 'team' } }));
    await expect(site.resolve(5, 'team')).rejects.toMatchObject({
      code: 'GROUP_FOLDER_OUTSIDE',
      who: 'admin',
      params: { group: 'team', folder },
    });
  });

  test.each(['../x', '.', '..', 'a/b', '', '/etc', 'a\0b', 'a\nb', '..\\x', '.analyzed', 'x'.repeat(256), '\ud800'])(
    'a group named %j',
    async (name) => {
      const site = await makeSite();
      await expect(site.resolve(5, name)).rejects.toMatchObject({ code: 'GROUP_FOLDER_OUTSIDE' });
    },
  );

  test('no spelling that is accepted leaves the folder it is joined to', () => {
    const names = fc
      .array(fc.oneof(fc.constantFrom('..', '.', '', '/', '\\', 'a', '~'), fc.string({ unit: 'binary', maxLength: 4 })))
      .chain((parts) => fc.constantFrom(parts.join('/'), parts.join('')));
    fc.assert(
      fc.property(names, (name) => {
        if (refuseFolder(name) === null) expect(posix.join('/data', name).startsWith('/data/')).toBe(true);
        if (refuseGroupName(name) === null) expect(posix.join('/data', name)).toBe(`/data/${name}`);
      }),
      { numRuns: 2000 },
    );
  });

  test('a link that leads out of it, in a mapping, a group name or the middle of a path', async () => {
    const site = await makeSite(mapped({ '5': { folder: 'out/inner', groupName: 'mapped' } }));
    const outside = await temporaryFolder('outside');
    await mkdir(join(outside, 'inner'));
    await symlink(outside, join(site.base, 'out'));
    await symlink(site.base, join(site.base, 'itself'));
    for (const [id, name] of [
      [5, 'mapped'],
      [6, 'out'],
      [7, 'itself'],
    ] as const)
      await expect(site.resolve(id, name)).rejects.toMatchObject({ code: 'GROUP_FOLDER_OUTSIDE' });
    await symlink('Shared', join(site.base, 'inside'));
    expect(await site.resolve(8, 'inside')).toEqual({ path: join(site.base, 'inside'), source: 'fallback' });
  });

  test('a link that leads nowhere is not a folder to be made', async () => {
    const site = await makeSite();
    await symlink(join(site.base, '..', 'later'), join(site.base, 'team'));
    await expect(site.resolve(5, 'team')).rejects.toMatchObject({ code: 'GROUP_FOLDER_MISSING' });
  });
});

test('an unmapped group does not land in the folder that another group was given', async () => {
  const site = await makeSite(mapped({ '5': { folder: 'Project A', groupName: 'team' } }));
  await expect(site.resolve(9, 'Project A')).rejects.toMatchObject({
    code: 'GROUP_FOLDER_TAKEN',
    params: { other: 'team' },
  });
});

test('a mapped folder that is absent or a file is refused, and so is a missing storage', async () => {
  const site = await makeSite(
    mapped({ '5': { folder: 'absent', groupName: 'a' }, '6': { folder: 'file', groupName: 'b' } }),
  );
  await writeFile(join(site.base, 'file'), '');
  for (const id of [5, 6])
    await expect(site.resolve(id, 'x')).rejects.toMatchObject({ code: 'GROUP_FOLDER_MISSING', retryable: true });
  await rm(site.base, { recursive: true });
  await expect(site.resolve(9, 'x')).rejects.toMatchObject({ code: 'STORAGE_BASE_MISSING', who: 'it' });
});
