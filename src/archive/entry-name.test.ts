import * as fc from 'fast-check';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkEntryName, EntryTree } from './entry-name.ts';

describe('an entry is refused', () => {
  test.each([
    ['../evil', '".."'],
    ['a/../../evil', '".."'],
    ['a/..', '".."'],
    ['./../a', '".."'],
    ['/etc/passwd', 'absolute'],
    ['C:/evil', 'drive'],
    ['c:evil', 'drive'],
    ['..\\evil', 'backslash'],
    ['a\\..\\..\\evil', 'backslash'],
    ['\\\\server\\share', 'backslash'],
    ['a\0b', 'NUL'],
    ['', 'no name'],
    ['a//b', 'empty'],
    ['a/./b', '"."'],
    ['././a', '"."'],
    ['x'.repeat(256), '255 bytes'],
    ['é'.repeat(128), '255 bytes'],
    ['abc/'.repeat(1000), 'bytes'],
    ['\ud800.tif', 'Unicode'],
  ])('%j', (name, reason) => {
    expect(checkEntryName(name)).toEqual({ refused: expect.stringContaining(reason) });
  });

  test('when its bytes are not UTF-8, overlong slashes included', () => {
    for (const bytes of [[0xff, 0x61], [0xc0, 0xaf], [0x2e, 0x2e, 0xc0, 0xaf, 0x61], [0xe9]])
      expect(checkEntryName(Uint8Array.from(bytes))).toEqual({ refused: 'its name is not UTF-8' });
  });
});

test.each([
  ['.', '', true],
  ['./', '', true],
  ['./a', 'a', false],
  ['./a/', 'a', true],
  ['..a/b..', '..a/b..', false],
  ['...', '...', false],
  ['-rf', '-rf', false],
  ['$(touch x)"\'.tif', '$(touch x)"\'.tif', false],
  ['line\nbreak', 'line\nbreak', false],
  ['grün/細胞.tif', 'grün/細胞.tif', false],
  ['x'.repeat(255), 'x'.repeat(255), false],
])('%j is welcome', (name, path, directory) => {
  expect(checkEntryName(name)).toEqual({ path, directory });
  expect(checkEntryName(Buffer.from(name))).toEqual({ path, directory });
});

test('whatever is accepted stays below the folder it is joined to, under the name it has', () => {
  const part = fc.oneof(
    fc.constantFrom('..', '.', '', '/', '\\', 'a', 'C:', '...', '. .', '\0', '~', '.. '),
    fc.string({ unit: 'binary', maxLength: 6 }),
  );
  const names = fc.array(part, { maxLength: 6 }).chain((parts) => fc.constantFrom(parts.join('/'), parts.join('')));
  fc.assert(
    fc.property(names, (name) => {
      const checked = checkEntryName(name);
      if (checked.refused !== undefined) return;
      const joined = posix.join('/root/folder', checked.path);
      expect(joined).toBe(checked.path === '' ? '/root/folder' : `/root/folder/${checked.path}`);
      expect(joined).not.toMatch(/[\0\\]/);
    }),
    { numRuns: 2000 },
  );
});

test('any bytes give a path or a reason, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const checked = checkEntryName(bytes);
      expect(checked.refused ?? 'accepted').not.toBe('');
      if (checked.refused === undefined && checked.path !== '')
        expect(Buffer.from(bytes).includes(Buffer.from(checked.path))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('names that contradict each other are found whatever their order', () => {
  const add = (...paths: string[]): (string | null)[] => {
    const tree = new EntryTree();
    return paths.map((p) => (p.endsWith('/') ? tree.add(p.slice(0, -1), 'folder') : tree.add(p, 'file')));
  };
  expect(add('a', 'a')).toEqual([null, 'it appears twice']);
  expect(add('a/', 'a/')).toEqual([null, 'it appears twice']);
  expect(add('a', 'a/b')).toEqual([null, 'it lies in a folder that is also a file']);
  expect(add('a/b', 'a')).toEqual([null, 'it is both a file and a folder']);
  expect(add('a/b/c', 'a/b')).toEqual([null, 'it is both a file and a folder']);
  expect(add('a', 'a/')).toEqual([null, 'it is both a file and a folder']);
  expect(add('a/b', 'a/', 'a/c', 'A')).toEqual([null, null, null, null]);
});
