/** Streams that were damaged anywhere: what they give is either what lies in the archive or an error, and nothing beside. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { archiveOptions, makeResults, withTar, type Results } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { BridgeError } from '../domain/errors.ts';
import { resultsFolder } from './far-folder.ts';
import { listResults, lookAtResults } from './far-list.ts';
import { Reception } from './reception.ts';
import { fixChecksum } from './testing/fix-checksum.ts';
import { TarError, TarReader } from './tar-reader.ts';
import { transferResults, type StagedFile } from './transfer.ts';
import { unpackZip } from './unpack.ts';
import { ZipWriter } from './zip-writer.ts';

const small = {
  'a.tif': 'x'.repeat(700),
  'sub/b.csv': 'a,b\n',
  [`${'folder/'.repeat(20)}${'n'.repeat(120)}`]: 'long',
  e: '',
  nothing: null,
};

const large = { 'a.tif': randomBytes(1_200_000), 'z.csv': 'a,b\n' };

/** Bytes that are set, and blocks of 512 that are doubled, left out or exchanged. */
const damage = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('byte'), at: fc.nat(), value: fc.nat(255), place: fc.nat(511) }),
    // The last digit of an entry's size, and its type.
    fc.record({
      kind: fc.constant('byte'),
      at: fc.nat(),
      value: fc.integer({ min: 48, max: 55 }),
      place: fc.constantFrom(134, 156),
    }),
    fc.record({ kind: fc.constantFrom('twice', 'gone', 'swap'), at: fc.nat(), value: fc.nat(), place: fc.constant(0) }),
  ),
  { minLength: 1, maxLength: 4 },
);
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** Headers get a right checksum again, else that would be all that is ever noticed. */
function spoil(tar: Buffer, changes: Damage): Buffer {
  let blocks = Array.from({ length: tar.length / 512 }, (_, i) => Buffer.from(tar.subarray(i * 512, (i + 1) * 512)));
  // The far end is nothing but zeros.
  const used = blocks.findLastIndex((block) => block.some((byte) => byte !== 0)) + 2;
  // A large body would take nearly all the changes.
  const places = [...Array(used).keys()].filter((i) => i < 40 || i > used - 20);
  for (const { kind, at, value, place: within } of changes) {
    const place = places[at % places.length] ?? 0;
    const other = places[value % places.length] ?? 0;
    const block = blocks[place];
    if (!block) continue;
    if (kind === 'byte') block[within] = value;
    else if (kind === 'twice') blocks = blocks.toSpliced(other, 0, Buffer.from(block));
    else if (kind === 'gone') blocks = blocks.toSpliced(place, 1);
    else [blocks[place], blocks[other]] = [blocks[other] ?? block, block];
  }
  for (const block of blocks) if (block.toString('latin1', 257, 262) === 'ustar') fixChecksum(block);
  return Buffer.concat(blocks);
}

/** A folder for staging in one of its own, in which nothing else may appear. */
async function stagingIn(root: string, name: string): Promise<string> {
  const staging = join(root, name, 'staging');
  await mkdir(staging, { recursive: true });
  return staging;
}

/** Files are what is told of them, the zip has the same ones, and nothing lies elsewhere. */
async function expectSound(staging: string, files: readonly StagedFile[], results: Results): Promise<void> {
  for (const { path, bytes, sha256 } of files) {
    const content = await readFile(join(staging, path));
    expect({ bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }).toEqual({
      bytes,
      sha256,
    });
  }
  const inZip = await unpackZip(join(staging, '12_out.zip'), await temporaryFolder('unpacked'));
  const tree = files.filter(({ path }) => !path.endsWith('.zip'));
  expect(inZip.map((file) => ({ ...file, path: `12_out/${file.path}` }))).toEqual(tree);
  const listed = execFileSync('find', ['.', '-type', 'f', '-printf', '%s %P\n'], { cwd: results.out }).toString();
  expect(tree.map(({ path, bytes }) => `${bytes} ${path.slice('12_out/data/out/'.length)}`).sort()).toEqual(
    listed.trim().split('\n').sort(),
  );
}

async function expectNothingBeside(staging: string, root: string): Promise<void> {
  expect(await readdir(join(staging, '..'))).toEqual(['staging']);
  for (const name of await readdir(staging)) expect(['12_out', '12_out.zip']).toContain(name);
  for (const name of await readdir(root)) expect(name).toMatch(/^\d+$/);
}

test('a stream damaged anywhere brings all that was listed or an error, and nothing beside', async () => {
  const results = await makeResults(small);
  const root = await temporaryFolder('fuzz');
  const options = archiveOptions(results);
  const folder = resultsFolder(results.transport, 'job', 12);
  const list = await listResults(folder, await lookAtResults(folder, options.signal), options.signal);
  if (!list) throw new Error('no results');
  const tars = ['gnu', 'pax'].map((f) => execFileSync('tar', ['-c', `--format=${f}`, '-C', results.out, '.']));
  let [runs, sound] = [0, 0];
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.nat(1), damage, async (form, changes) => {
      const tar = spoil(tars[form] ?? Buffer.alloc(0), changes);
      const staging = await stagingIn(root, `${++runs}`);
      const zip = await ZipWriter.create(join(staging, '12_out.zip'));
      const reception = new Reception({ ...options, staging }, folder, list, zip);
      await reception.begin();
      try {
        await reception.receive(new TarReader(inPieces(tar)));
        const files = await reception.complete();
        await zip.finish();
        await zip.readBack();
        await expectSound(staging, files, results);
        sound++;
      } catch (error) {
        await zip.abandon();
        if (!(error instanceof TarError) && !(error instanceof BridgeError)) throw error;
        ends.add(error instanceof BridgeError ? error.code : 'TarError');
      }
      await expectNothingBeside(staging, root);
    }),
    { numRuns: 250 },
  );
  // Else it was not damaged where it matters, or only there.
  expect(sound).toBeGreaterThan(10);
  expect([...ends].sort()).toEqual(['ARCHIVE_ENTRY_REFUSED', 'TRANSFER_INCOMPLETE', 'TarError']);
});

test.each([
  { name: 'one with a large file', content: large, ownThread: false, numRuns: 10 },
  { name: 'one with a large file, read on a thread of its own', content: large, ownThread: true, numRuns: 10 },
  { name: 'one of small files, read on a thread of its own', content: small, ownThread: true, numRuns: 15 },
])('so does $name, through all steps of a transfer', async ({ content, ownThread, numRuns }) => {
  const results = await makeResults(content);
  const root = await temporaryFolder('fuzz');
  const { transport: _, ...options } = archiveOptions(results);
  const tar = execFileSync('tar', ['-c', '-C', results.out, '.'], { maxBuffer: 1e8 });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const file = join(await temporaryFolder('tar'), 'spoilt.tar');
      await writeFile(file, spoil(tar, changes));
      const staging = await stagingIn(root, `${++runs}`);
      const transport = withTar(results, () => ['cat', file]);
      try {
        await expectSound(staging, await transferResults({ ...options, transport, staging, ownThread }), results);
      } catch (error) {
        if (!(error instanceof BridgeError)) throw error;
        expect(['ARCHIVE_ENTRY_REFUSED', 'TRANSFER_INCOMPLETE']).toContain(error.code);
      }
      await expectNothingBeside(staging, root);
    }),
    { numRuns },
  );
});

async function* inPieces(tar: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < tar.length; at += 1000) yield tar.subarray(at, at + 1000);
}
