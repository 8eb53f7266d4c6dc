import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { archiveOptions, makeResults, withTar } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { ownProgram } from '../lib/package-root.ts';
import { archiveResults, type ArchiveOptions } from './archive.ts';
import { Landing, landingFs } from './landing.ts';
import { archivePlace, freeStamp } from './layout.ts';
import { readManifest } from './manifest.ts';
import { verifyArchive } from './verify.ts';

const tree = {
  'a.tif': randomBytes(1_500_000),
  'measurements.csv': 'a,b\n1,2\n',
  'sub/mask.zarr/.zattrs': '{}',
  'sub/mask.zarr/0/0.0': 'chunk',
  'line\nbreak.txt': 'x',
};

const placeOf = (o: ArchiveOptions) => archivePlace(o.basePath, o.workflowId, o.taskId, o.stamp);

test('an archive has the tree of the specification, and everything in it is accounted for', async () => {
  const results = await makeResults(tree);
  const options = archiveOptions(results);
  const archive = await archiveResults(options);
  const place = placeOf(options);
  expect(archive.path).toBe(place.final);
  expect(await readdir(place.parent)).toEqual([options.stamp]);
  expect((await readdir(archive.path)).sort()).toEqual(
    ['12_out', '12_out.zip', 'manifest-sha256.txt', 'omero-12.log', 'ro-crate-metadata.json'].sort(),
  );
  expect((await readdir(join(archive.path, '12_out'))).sort()).toEqual(['data', 'metadata.csv']);
  expect(await readFile(join(archive.path, '12_out/metadata.csv'), 'utf8')).toBe(
    'Job_ID,12\r\nWorkflow_Name,"nuclei, ""the"" first"\r\n',
  );
  expect(await readFile(join(archive.path, 'omero-12.log'), 'utf8')).toBe('Running nuclei\n');

  const manifest = await readFile(join(archive.path, 'manifest-sha256.txt'));
  expect(archive.manifestSha256).toBe(createHash('sha256').update(manifest).digest('hex'));
  // The name with a line break is encoded in the manifest, which sha256sum does not know.
  const checked = execFileSync('sh', ['-c', "grep -v '%0A' manifest-sha256.txt | sha256sum -c --strict"], {
    cwd: archive.path,
  }).toString();
  expect(checked.match(/: OK$/gm)).toHaveLength(archive.files.length - 1);
  expect(archive.files).toHaveLength(Object.keys(tree).length + 4);
  expect(archive.bytes).toBe(archive.files.reduce((sum, f) => sum + f.bytes, 0));
  for (const file of archive.files) expect((await lstat(join(archive.path, file.path))).size).toBe(file.bytes);
  expect(archive.images).toEqual([
    join(archive.path, '12_out/data/out/a.tif'),
    join(archive.path, '12_out/data/out/sub/mask.zarr'),
  ]);
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
  if (hasExecutable('unzip'))
    expect(execFileSync('unzip', ['-tq', join(archive.path, '12_out.zip')]).toString()).toContain('No errors');
});

test('its provenance is an RO-Crate that names workflow, user, input, parameters, results and times', async () => {
  const options = archiveOptions(await makeResults(tree));
  const { path } = await archiveResults(options);
  const crate = JSON.parse(await readFile(join(path, 'ro-crate-metadata.json'), 'utf8'));
  const graph: Record<string, unknown>[] = crate['@graph'];
  const find = (id: string) => graph.find((e) => e['@id'] === id);
  expect(crate['@context']).toBe('https://w3id.org/ro/crate/1.1/context');
  expect(find('ro-crate-metadata.json')).toMatchObject({ about: { '@id': './' } });
  expect(find('./')).toMatchObject({ '@type': 'Dataset', identifier: `urn:uuid:${options.workflowId}` });
  expect(find(`urn:uuid:${options.taskId}`)).toMatchObject({
    '@type': 'CreateAction',
    instrument: { '@id': '#workflow' },
    agent: { '@id': '#user' },
    startTime: '2025-01-02T01:00:00.000+00:00',
    endTime: '2025-01-02T02:00:00.000+00:00',
    result: expect.arrayContaining([
      { '@id': '12_out/data/out/a.tif' },
      { '@id': '12_out/data/out/line%0Abreak.txt' },
      { '@id': '12_out/data/out/sub/mask.zarr/' },
    ]),
  });
  expect(find('#omero-Dataset-5')).toMatchObject({ name: 'Cells', identifier: 'Dataset:5' });
  expect(graph.filter((e) => e['@type'] === 'PropertyValue').map((e) => [e['name'], e['value']])).toEqual([
    ['threshold', 'otsu'],
    ['sigma', 1.5],
    ['split', true],
  ]);
  // Every reference inside the crate leads to an entity of it.
  const ids = new Set(graph.map((e) => e['@id']));
  expect(ids.size).toBe(graph.length);
  const references = JSON.stringify(graph).matchAll(/\{"@id":"([^"]+)"\}/g);
  for (const [, id = ''] of references) if (!id.startsWith('http')) expect(ids).toContain(JSON.parse(`"${id}"`));
});

test('the same task finds its finished archive, whatever has become of the cluster', async () => {
  const results = await makeResults(tree);
  const options = archiveOptions(results);
  const first = await archiveResults(options);
  await rm(results.home, { recursive: true });
  expect(await archiveResults(options)).toEqual(first);
});

test('a finished archive that lost a file or a bit is an error, not an archive', async () => {
  const options = archiveOptions(await makeResults(tree));
  const { path } = await archiveResults(options);
  const file = join(path, '12_out/data/out/a.tif');
  const content = await readFile(file);
  content[777] = (content[777] ?? 0) ^ 4;
  await writeFile(file, content);
  await expect(archiveResults(options)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  await rm(join(path, 'omero-12.log'));
  await writeFile(join(path, 'extra'), '');
  await symlink('/etc/passwd', join(path, 'link'));
  const { ok, problems } = await verifyArchive(path);
  expect(ok).toBe(false);
  expect(problems.map((p) => p.split(':')[0] ?? '').sort()).toEqual([
    '12_out/data/out/a.tif has changed',
    'extra is not in the manifest',
    'link is not a regular file',
    'omero-12.log is missing',
  ]);
});

test('a final name of anybody else is not touched', async () => {
  const results = await makeResults(tree);
  const first = archiveOptions(results);
  const other = await archiveResults(first);
  const second = { ...archiveOptions(results), workflowId: first.workflowId };
  await expect(archiveResults(second)).rejects.toMatchObject({
    code: 'ARCHIVE_NAME_TAKEN',
    params: { path: other.path },
  });
  expect(await verifyArchive(other.path)).toEqual({ ok: true, problems: [] });

  const empty = archiveOptions(results);
  await mkdir(placeOf(empty).final, { recursive: true });
  await expect(archiveResults(empty)).rejects.toMatchObject({ code: 'ARCHIVE_NAME_TAKEN' });
  expect(await readdir(placeOf(empty).final)).toEqual([]);
});

test('a final name that appears while the archive is built is not overwritten, empty or not', async () => {
  for (const inside of [null, 'file']) {
    const results = await makeResults(tree);
    const options = archiveOptions(results);
    const { final, staging } = placeOf(options);
    const fill = inside === null ? '' : ` && echo x > "$0/${inside}"`;
    const transport = withTar(results, (argv) => ['sh', '-c', `mkdir "$0"${fill} && exec "$@"`, final, ...argv]);
    await expect(archiveResults({ ...options, transport })).rejects.toMatchObject({ code: 'ARCHIVE_NAME_TAKEN' });
    expect(await readdir(final)).toEqual(inside === null ? [] : [inside]);
    expect(await readdir(staging)).toContain('manifest-sha256.txt');
  }
});

test('a task whose name was taken while it built gets another one, and its own archive again', async () => {
  const results = await makeResults(tree);
  const now = new Date(2025, 0, 2, 3, 4, 5);
  const options = archiveOptions(results);
  const { final, staging } = placeOf(options);
  const transport = withTar(results, (argv) => ['sh', '-c', `mkdir "$0" && exec "$@"`, final, ...argv]);
  await expect(archiveResults({ ...options, transport })).rejects.toMatchObject({ code: 'ARCHIVE_NAME_TAKEN' });
  const next = () => freeStamp(options.basePath, options.workflowId, options.taskId, now);
  const stamp = await next();
  expect(stamp).toBe('20250102_030406');
  const archive = await archiveResults({ ...options, stamp });
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
  await expect(lstat(staging)).rejects.toMatchObject({ code: 'ENOENT' });
  // As after a crash between the rename and its record, when staging was begun again.
  await mkdir(placeOf({ ...options, stamp }).staging);
  expect(await next()).toBe(stamp);
});

test('archives of one workflow begun in one second are as many archives, with nothing left beside them', async () => {
  const results = await makeResults({ 'a.tif': 'x' });
  const now = new Date();
  for (let round = 0; round < 8; round++) {
    const workflowId = randomUUID();
    const built = await Promise.all(
      [1, 2, 3].map(async () => {
        const options = { ...archiveOptions(results), workflowId };
        return archiveResults({ ...options, stamp: await freeStamp(results.group, workflowId, options.taskId, now) });
      }),
    );
    expect(new Set(built.map((a) => a.path)).size).toBe(3);
    for (const { path } of built) expect(await verifyArchive(path)).toEqual({ ok: true, problems: [] });
    expect(await readdir(join(results.group, '.analyzed', workflowId))).toHaveLength(3);
  }
});

test('a failed transfer leaves staging only, and the next attempt begins anew in it', async () => {
  const results = await makeResults(tree);
  const options = archiveOptions(results);
  const { parent, staging } = placeOf(options);
  const transport = withTar(results, (argv) => ['sh', '-c', '"$@" | head -c 700000', 'sh', ...argv]);
  await expect(archiveResults({ ...options, transport })).rejects.toMatchObject({ code: 'TRANSFER_INCOMPLETE' });
  expect(await readdir(parent)).toEqual([`.${options.stamp}.${options.taskId}.partial`]);
  await writeFile(join(staging, 'left over'), 'x');
  const archive = await archiveResults(options);
  expect(archive.files.map((f) => f.path)).not.toContain('left over');
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
  expect(await readdir(parent)).toEqual([options.stamp]);
});

test('a group folder that went away, as when a mount did, is not made again', async () => {
  const results = await makeResults(tree);
  await rm(results.group, { recursive: true });
  const landing = new Landing(landingFs, []);
  await expect(archiveResults(archiveOptions(results, { landing }))).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
    retryable: true,
  });
  await expect(freeStamp(results.group, randomUUID(), randomUUID(), new Date(), landing)).rejects.toMatchObject({
    code: 'STORAGE_FAILED',
  });
  await expect(lstat(results.group)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a name in composed and in decomposed characters is two files, everywhere', async () => {
  const [composed, decomposed] = ['m\u00fcll.tif', 'mu\u0308ll.tif'];
  const archive = await archiveResults(archiveOptions(await makeResults({ [composed]: 'one', [decomposed]: 'two' })));
  const out = join(archive.path, '12_out/data/out');
  expect((await readdir(out)).sort()).toEqual([composed, decomposed].sort());
  expect(await readFile(join(out, composed), 'utf8')).toBe('one');
  expect(await readFile(join(out, decomposed), 'utf8')).toBe('two');
  const listed = readManifest(await readFile(join(archive.path, 'manifest-sha256.txt'), 'utf8')).map((l) => l.path);
  expect(listed).toEqual(expect.arrayContaining([composed, decomposed].map((n) => `12_out/data/out/${n}`)));
  const program = 'import sys, zipfile; print(ascii(zipfile.ZipFile(sys.argv[1]).namelist()))';
  const names = execFileSync('python3', ['-c', program, join(archive.path, '12_out.zip')], { encoding: 'utf8' });
  expect(names).toContain("'data/out/m\\xfcll.tif'");
  expect(names).toContain("'data/out/mu\\u0308ll.tif'");
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
});

test('what is in staging under a name that nobody wrote stops the archive', async () => {
  const results = await makeResults(tree);
  const options = archiveOptions(results);
  const { staging, final } = placeOf(options);
  const transport = withTar(results, (argv) => [
    'sh',
    '-c',
    'echo x > "$0" && exec "$@"',
    join(staging, '12_out/A.TIF'),
    ...argv,
  ]);
  await expect(archiveResults({ ...options, transport })).rejects.toMatchObject({
    code: 'STORAGE_CHANGES_NAMES',
    message: expect.stringContaining('12_out/A.TIF'),
  });
  await expect(lstat(final)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a link in the place of staging is not followed', async () => {
  const options = archiveOptions(await makeResults(tree));
  const { parent, staging } = placeOf(options);
  const elsewhere = await temporaryFolder('elsewhere');
  await writeFile(join(elsewhere, 'precious'), 'x');
  await mkdir(parent, { recursive: true });
  await symlink(elsewhere, staging);
  await archiveResults(options);
  expect(await readdir(elsewhere)).toEqual(['precious']);
});

test('a worker that comes to late, after another one began anew, does not move what that one builds', async () => {
  const results = await makeResults(tree);
  const options = archiveOptions(results);
  const { staging, final } = placeOf(options);
  const aside = `${staging}.aside`;
  const fake = await fakeSync(`mv '${staging}' '${aside}' && mkdir '${staging}'`);
  onTestFinished(fake.restore);
  await expect(archiveResults(options)).rejects.toMatchObject({ code: 'ARCHIVE_SUPERSEDED' });
  await expect(lstat(final)).rejects.toMatchObject({ code: 'ENOENT' });
  fake.restore();
  await rm(aside, { recursive: true });
  expect((await archiveResults(options)).path).toBe(final);
});

test('without a working sync command every file is synced by itself', async () => {
  const fake = await fakeSync('echo "sync: invalid option" >&2; exit 1');
  onTestFinished(fake.restore);
  const archive = await archiveResults(archiveOptions(await makeResults(tree)));
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
});

test('killed between staging and rename: only staging is left, and the next attempt completes it', async () => {
  const results = await makeResults(tree);
  const { transport: _t, signal: _s, log: _l, jobLog: _j, ...plain } = archiveOptions(results);
  const marker = join(results.home, 'syncing');
  const fake = await fakeSync(`touch '${marker}'; exec sleep 300`);
  onTestFinished(fake.restore);
  const [command = '', ...args] = ownProgram('src/archive/testing/archive-main');
  const child = spawn(command, [...args, JSON.stringify({ ...plain, home: results.home })], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit');
  for (let i = 0; !(await lstat(marker).catch(() => null)); i++) {
    if (i > 1000 || child.exitCode !== null) throw new Error('the child did not come so far');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await ended;
  fake.restore();
  const place = archivePlace(plain.basePath, plain.workflowId, plain.taskId, plain.stamp);
  expect(await readdir(place.parent)).toEqual([`.${plain.stamp}.${plain.taskId}.partial`]);
  const archive = await archiveResults({ ...archiveOptions(results), ...plain });
  expect(await readdir(place.parent)).toEqual([plain.stamp]);
  expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
});

test('killed after the rename: the archive is found', async () => {
  const results = await makeResults(tree);
  const options = archiveOptions(results);
  const { path } = await archiveResults(options);
  // As if staging had been begun again by a worker that did not know.
  await mkdir(placeOf(options).staging);
  expect((await archiveResults(options)).path).toBe(path);
  expect(await readdir(placeOf(options).parent)).toEqual([options.stamp]);
});

test('the archive can be entered by those who may enter the folder above it', async () => {
  const options = archiveOptions(await makeResults(tree));
  await mkdir(placeOf(options).parent, { recursive: true });
  await chmod(placeOf(options).parent, 0o2775);
  const { path } = await archiveResults(options);
  const umask = process.umask();
  expect((await lstat(path)).mode & 0o7777).toBe(0o2000 | (0o777 & ~umask));
  expect((await lstat(join(path, '12_out.zip'))).mode & 0o777).toBe(0o666 & ~umask);
});

test.each([
  { jobId: 0 },
  { jobId: -1 },
  { jobId: 1.5 },
  { workflowId: '..' },
  { taskId: `${randomUUID()}/x` },
  { stamp: '../x' },
])('%j is refused', async (change) => {
  const options = archiveOptions(await makeResults(tree), change);
  await expect(archiveResults(options)).rejects.toMatchObject({ code: 'ARCHIVE_ID_INVALID' });
});

/** Puts a shell script before the system's `sync`: what happens between the built archive and its rename. */
async function fakeSync(script: string): Promise<{ restore: () => void }> {
  const folder = await temporaryFolder('bin');
  await writeFile(join(folder, 'sync.new'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await rename(join(folder, 'sync.new'), join(folder, 'sync'));
  const before = process.env['PATH'] ?? '';
  process.env['PATH'] = folder + delimiter + before;
  return { restore: () => void (process.env['PATH'] = before) };
}
