/** Results that the cluster shares with us on a file system that can share blocks: a real one, mounted from an image. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, onTestFinished } from 'vitest';
import { findExecutable } from '../../test/support/optional-part.ts';
import { archiveOptions } from '../../test/support/results.ts';
import { LocalTransport } from '../slurm/local.ts';
import { archiveResults } from './archive.ts';
import { defaultLimits } from './unpack.ts';
import { verifyArchive } from './verify.ts';

const kinds = (await Promise.all(['xfs', 'btrfs'].map(async (kind) => ((await canMount(kind)) ? [kind] : [])))).flat();

describe.runIf(kinds.length > 0)('on a file system with reflinks (needs root)', () => {
  test.each(kinds)(
    '%s: a large file of the archive shares its blocks with the cluster, and stays as it was',
    async (kind) => {
      const disk = await mountImage(kind);
      onTestFinished(() => disk.remove());
      const [home, group] = [join(disk.root, 'home'), join(disk.root, 'team')];
      const out = join(home, 'job/data/out');
      for (const folder of [out, group]) await mkdir(folder, { recursive: true });
      const image = join(out, 'image.tif');
      await writeFile(image, randomBytes(8_000_000));
      const transport = new LocalTransport({ home, env: {} });
      const results = { home, out, group, transport };
      const settings = {
        way: 'auto',
        compress: 'off',
        checksums: 'sha256',
        zipCommand: '',
        limits: defaultLimits,
      } as const;
      const archive = await archiveResults(archiveOptions(results, { settings }));
      const copy = join(archive.path, '12_out/data/out/image.tif');
      for (const file of [image, copy]) expect(extentsOf(file)).toContain('shared');
      expect(extentsOf(join(archive.path, '12_out.zip'))).not.toContain('shared');
      const later = await open(image, 'r+');
      await later.write('written by somebody on the cluster', 4_000_000);
      await later.close();
      expect(await verifyArchive(archive.path)).toEqual({ ok: true, problems: [] });
    },
  );
});

function extentsOf(file: string): string {
  return execFileSync(findExecutable('filefrag') ?? '', ['-v', file]).toString();
}

async function canMount(kind: string): Promise<boolean> {
  if (process.getuid?.() !== 0 || !findExecutable(`mkfs.${kind}`) || !findExecutable('filefrag')) return false;
  return mountImage(kind).then(
    async (disk) => {
      await disk.remove();
      return true;
    },
    () => false,
  );
}

async function mountImage(kind: string): Promise<{ root: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-image-'));
  const [image, root] = [join(folder, 'image'), join(folder, 'mounted')];
  try {
    await mkdir(root);
    const file = await open(image, 'w');
    await file.truncate(512 * 2 ** 20);
    await file.close();
    execFileSync(findExecutable(`mkfs.${kind}`) ?? '', ['-q', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, root], { stdio: 'ignore' });
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
  const remove = async (): Promise<void> => {
    execFileSync('umount', [root]);
    await rm(folder, { recursive: true });
  };
  return { root, remove };
}
