/** Needs 9 GB and some minutes: runs only with BIOMERO_BRIDGE_TEST_LARGE=1. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasExecutable } from '../../test/support/optional-part.ts';
import { archiveOptions, makeResults } from '../../test/support/results.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { archiveResults } from './archive.ts';
import { unpackZip } from './unpack.ts';
import { verifyArchive } from './verify.ts';

const bytes = 2 ** 32 + 5_000_000;

test.runIf(process.env['BIOMERO_BRIDGE_TEST_LARGE'] === '1')(
  'a file over 4 GiB comes home, is verified, and its zip64 is unpacked here and by unzip',
  async () => {
    const results = await makeResults({ 'large.tif': randomBytes(1_000_000), 'b.csv': 'a,b\n' });
    await truncate(join(results.out, 'large.tif'), bytes);
    const end = await open(join(results.out, 'large.tif'), 'r+');
    await end.write('the end', bytes - 7);
    await end.close();
    const archive = await archiveResults(archiveOptions(results));
    const zip = join(archive.path, '12_out.zip');
    expect((await stat(zip)).size).toBeGreaterThan(2 ** 32);
    expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
    if (hasExecutable('unzip')) execFileSync('unzip', ['-tq', zip], { stdio: 'ignore' });
    const sha256Of = (path: string) => archive.files.find((f) => f.path === path)?.sha256;
    const expected = ['data/out/b.csv', 'data/out/large.tif'].map((path) => sha256Of(`12_out/${path}`));
    await rm(join(archive.path, '12_out'), { recursive: true });
    const unpacked = await unpackZip(zip, await temporaryFolder('unpacked'));
    expect(unpacked.map((f) => f.sha256)).toEqual(expected);
    expect(unpacked.at(-1)?.bytes).toBe(bytes);
  },
  1_800_000,
);
