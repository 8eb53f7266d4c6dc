/**
 * Files and places beyond 4 GiB. Those with all their bytes need 5 and 9 GB and one to three minutes each: they run only
 * with BIOMERO_BRIDGE_TEST_LARGE=1.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { open, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { archiveResults } from './archive.ts';
import { unpackZip } from './unpack.ts';
import { verifyArchive } from './verify.ts';
import { centralRecord, endRecords, localHeader, type ZipRecord } from './zip-records.ts';

const bytes = 2 ** 32 + 5_000_000;

// Its beginning decides how it goes into the zip.
const ways = [
  { packed: 'deflated', begin: Buffer.alloc(1_000_000), least: 2 ** 20, most: 2 ** 28 },
  { packed: 'stored', begin: randomBytes(1_000_000), least: bytes, most: 2 * bytes },
];

test.runIf(process.env['BIOMERO_BRIDGE_TEST_LARGE'] === '1').each(ways)(
  'a file over 4 GiB comes home $packed, is verified, and its zip64 is unpacked here and by unzip',
  async ({ begin, least, most }) => {
    const results = await makeResults({ 'large.tif': begin, 'z.csv': 'a,b\n' });
    await truncate(join(results.out, 'large.tif'), bytes);
    const end = await open(join(results.out, 'large.tif'), 'r+');
    await end.write('the end', bytes - 7);
    await end.close();
    const archive = await archiveResults(archiveOptions(results));
    const zip = join(archive.path, '12_out.zip');
    const { size } = await stat(zip);
    expect(size).toBeGreaterThan(least);
    expect(size).toBeLessThan(most);
    expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
    if (hasExecutable('unzip')) execFileSync('unzip', ['-tq', zip], { stdio: 'ignore' });
    const sha256Of = (path: string) => archive.files.find((f) => f.path === path)?.sha256;
    const expected = ['data/out/large.tif', 'data/out/z.csv'].map((path) => sha256Of(`12_out/${path}`));
    await rm(join(archive.path, '12_out'), { recursive: true });
    const folder = await temporaryFolder('unpacked');
    const unpacked = await unpackZip(zip, folder);
    expect(unpacked.map((f) => f.sha256)).toEqual(expected);
    expect(unpacked[0]?.bytes).toBe(bytes);
    // Room for what else is tested.
    await rm(folder, { recursive: true });
    await rm(archive.path, { recursive: true });
  },
  1_800_000,
);

test('an entry and a directory that lie beyond 4 GiB of a zip are found there', async () => {
  const zip = join(await temporaryFolder('zip'), 'a.zip');
  const data = Buffer.from('beyond');
  const first: ZipRecord = {
    name: Buffer.from('first'),
    bytes: data.length,
    packed: data.length,
    crc: crc32(data),
    method: 0,
    mtime: 1_700_000_000,
    offset: 0,
  };
  // Between them is a hole, which costs no room.
  const second = { ...first, name: Buffer.from('second'), offset: bytes };
  const directory = Buffer.concat([centralRecord(first), centralRecord(second)]);
  const at = bytes + localHeader(second).length + data.length;
  const file = await open(zip, 'w');
  await file.write(Buffer.concat([localHeader(first), data]), 0, null, 0);
  await file.write(Buffer.concat([localHeader(second), data]), 0, null, bytes);
  await file.write(Buffer.concat([directory, endRecords(2, directory.length, at)]), 0, null, at);
  await file.close();
  const sha256 = createHash('sha256').update(data).digest('hex');
  expect(await unpackZip(zip, await temporaryFolder('unpacked'))).toEqual([
    { path: 'first', bytes: data.length, sha256 },
    { path: 'second', bytes: data.length, sha256 },
  ]);
});
