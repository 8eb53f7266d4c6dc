import { createHash, randomBytes } from 'node:crypto';
import { chmod, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { asUnprivileged } from '../../test/support/unprivileged.ts';
import { archiveResults } from './archive.ts';
import { findArchives } from './find-archives.ts';
import { manifestName, readManifest, writeManifest } from './manifest.ts';
import { compareArchive, differenceSentence } from './verify.ts';

const out = '12_out/data/out';

async function newArchive(more: Record<string, string> = {}): Promise<string> {
  const results = await makeResults({ 'a.tif': randomBytes(100_000), '50%\nü.csv': 'a,b\n', ...more });
  return (await archiveResults(archiveOptions(results))).path;
}

async function flipBit(path: string): Promise<void> {
  const content = await readFile(path);
  const at = content.length >> 1;
  content[at] = (content[at] ?? 0) ^ 1;
  await chmod(path, 0o644);
  await writeFile(path, content);
}

const kindsOf = async (archive: string) =>
  (await compareArchive(archive)).differences.map(({ kind, path }) => `${kind} ${path}`);

test('an archive as it was made is intact', async () => {
  const archive = await newArchive();
  expect(await compareArchive(archive)).toMatchObject({ state: 'intact', files: 6, differences: [] });
});

test('one flipped bit, in the tree and in the zip', async () => {
  const archive = await newArchive();
  await flipBit(join(archive, out, 'a.tif'));
  expect(await kindsOf(archive)).toEqual([`changed ${out}/a.tif`]);
  expect((await compareArchive(archive)).differences[0]?.inZip).toBe('12_out.zip');
  const other = await newArchive();
  await flipBit(join(other, '12_out.zip'));
  expect(await kindsOf(other)).toEqual(['changed 12_out.zip']);
});

test('a missing file, an extra one and a link are told one by one', async () => {
  const archive = await newArchive();
  await rm(join(archive, out, 'a.tif'));
  await rm(join(archive, 'omero-12.log'));
  await symlink('/etc/passwd', join(archive, 'omero-12.log'));
  await writeFile(join(archive, 'extra\u001b[31m'), '');
  const { state, differences } = await compareArchive(archive);
  expect(state).toBe('damaged');
  expect(differences.map(differenceSentence)).toEqual([
    `${out}/a.tif is missing`,
    'extra\u001b[31m is not in the manifest',
    'omero-12.log is not a regular file',
  ]);
});

test('a tree that was changed together with its manifest still differs from the zip', async () => {
  const archive = await newArchive();
  await writeFile(join(archive, out, 'a.tif'), 'better results');
  await writeFile(join(archive, out, 'more.tif'), 'more');
  await rm(join(archive, out, '50%\nü.csv'));
  const lines = readManifest(await readFile(join(archive, manifestName), 'utf8')).filter(
    (line) => !line.path.startsWith(`${out}/`),
  );
  for (const [name, text] of [
    ['a.tif', 'better results'],
    ['more.tif', 'more'],
  ] as const)
    lines.push({ path: `${out}/${name}`, sha256: createHash('sha256').update(text).digest('hex') });
  await writeFile(join(archive, manifestName), writeManifest(lines));
  expect(await kindsOf(archive)).toEqual([`zip ${out}/50%\nü.csv`, `zip ${out}/a.tif`, `zip ${out}/more.tif`]);
});

test('without a manifest, or with one that is cut, nothing can be said', async () => {
  const archive = await newArchive();
  await writeFile(join(archive, manifestName), (await readFile(join(archive, manifestName))).subarray(0, -10));
  expect(await compareArchive(archive)).toMatchObject({ state: 'unverifiable', differences: [{ path: manifestName }] });
  await rm(join(archive, manifestName));
  expect(await compareArchive(archive)).toMatchObject({ state: 'unverifiable' });
});

test('a file that cannot be read is told as such', async () => {
  const archive = await newArchive();
  for (let folder = archive; folder !== tmpdir(); folder = dirname(folder)) await chmod(folder, 0o755);
  await chmod(join(archive, out, 'a.tif'), 0);
  const { state, differences } = await asUnprivileged(() => compareArchive(archive));
  expect(state).toBe('damaged');
  expect(differences).toMatchObject([{ kind: 'unreadable', path: `${out}/a.tif` }]);
});

test('many files are read on threads, with the same findings', async () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`chunks.zarr/0/${i}`, `chunk ${i}`]));
  const archive = await newArchive(many);
  const seen: number[] = [];
  const whole = await compareArchive(archive, { onProgress: (p) => seen.push(p.files) });
  expect(whole).toMatchObject({ state: 'intact', files: 306 });
  expect(seen.at(-1)).toBe(306);
  await flipBit(join(archive, out, 'chunks.zarr/0/250'));
  await rm(join(archive, out, 'chunks.zarr/0/17'));
  expect(await kindsOf(archive)).toEqual([`missing ${out}/chunks.zarr/0/17`, `changed ${out}/chunks.zarr/0/250`]);
});

test('archives are found from every folder above them, and nowhere else', async () => {
  const archive = await newArchive();
  const workflow = dirname(archive);
  const group = dirname(dirname(workflow));
  for (const from of [archive, workflow, dirname(workflow), group, dirname(group)])
    expect(await findArchives(from)).toEqual([archive]);
  expect(await findArchives(join(archive, '12_out'))).toEqual([]);
  expect(await findArchives(await temporaryFolder('nothing'))).toEqual([]);
  await expect(findArchives(join(group, 'not-there'))).rejects.toThrow('ENOENT');
});
