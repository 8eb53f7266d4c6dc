import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { manifestName, readManifest, writeManifest } from './manifest.ts';
import { metadataCsv } from './metadata-csv.ts';

const names = [
  'a.tif',
  'b c.csv',
  'new\nline',
  '-rf',
  '*star',
  ' edge ',
  '"quoted"',
  'grün/細胞',
  'back\\slash',
  '\\n',
  'tab\t',
  '50%.tif',
  'return\r',
];

test('sha256sum checks what we write, and we read what it writes', async () => {
  const root = await temporaryFolder('manifest');
  const lines = [];
  for (const path of names) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), path);
    lines.push({ path, sha256: createHash('sha256').update(path).digest('hex') });
  }
  const plain = lines.filter(({ path }) => !/[\n\r%]/.test(path));
  await writeFile(join(root, manifestName), writeManifest(plain));
  const checked = execFileSync('sha256sum', ['-c', '--strict', manifestName], { cwd: root }).toString();
  expect(checked.match(/: OK$/gm)).toHaveLength(plain.length);
  const theirs = execFileSync('sha256sum', ['--', ...names.toSorted()], { cwd: root }).toString();
  expect(readManifest(theirs)).toEqual(lines.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
});

test('line breaks and percent signs are encoded as BagIt has them, and nothing else', () => {
  const sha256 = 'a'.repeat(64);
  const path = '100%/new\nline\rand %41 ü \\ b';
  expect(writeManifest([{ path, sha256 }]).toString()).toBe(`${sha256}  100%25/new%0Aline%0Dand %2541 ü \\ b\n`);
  // As written before names were encoded: a percent sign that encodes nothing stands for itself.
  expect(readManifest(`${sha256}  50% of 3%41.tif\n`)).toEqual([{ path: '50% of 3%41.tif', sha256 }]);
});

test('what is written is read again', () => {
  const sha256 = 'a'.repeat(64);
  const part = fc.string({
    unit: fc.constantFrom('a', '\n', '\r', '%', '2', '5', '\\', 'n', ' ', 'é'),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.uniqueArray(part, { minLength: 1 }), (paths) => {
      const lines = paths.map((path) => ({ path, sha256 })).sort((a, b) => (a.path < b.path ? -1 : 1));
      expect(readManifest(writeManifest(lines).toString())).toEqual(lines);
    }),
  );
});

test.each([
  ['../evil', 'names no file'],
  ['/etc/passwd', 'names no file'],
  ['a/../../b', 'names no file'],
  ['a', null],
])('a line for %j is judged', (path, reason) => {
  const read = () => readManifest(`${'0'.repeat(64)}  ${path}\n`);
  if (reason === null) expect(read()).toHaveLength(1);
  else expect(read).toThrow(reason);
});

test('a manifest that is cut, doubled or something else is refused', () => {
  const line = `${'0'.repeat(64)}  a\n`;
  expect(() => readManifest(line.slice(0, -1))).toThrow('cut off');
  expect(() => readManifest(line + line)).toThrow('line 2');
  expect(() => readManifest(`${line}hello\n`)).toThrow('line 2');
  expect(() => readManifest('')).toThrow('empty');
});

test('metadata.csv has two columns, CRLF, and any value comes back', () => {
  expect(
    metadataCsv([
      ['Job_ID', '12'],
      ['Name', 'a, "b"\nc'],
    ]),
  ).toBe('Job_ID,12\r\nName,"a, ""b""\nc"\r\n');
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\r', '\n', ' ', 'é', '=') });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ minLength: 1, unit: fc.constantFrom('k', '_', ',') }), cell)), (rows) => {
      expect(parse(metadataCsv(rows), { recordDelimiter: '\r\n' })).toEqual(rows);
    }),
  );
});
