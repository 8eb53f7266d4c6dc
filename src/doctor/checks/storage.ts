import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { archivesFolder } from '../../archive/layout.ts';
import { freeSpace } from '../../archive/storage-error.ts';
import { describeError } from '../../domain/errors.ts';
import { adoptStorage } from '../../storage/adopt.ts';
import { readMounts } from '../../storage/check.ts';
import type { DoctorCheck } from '../check.ts';

const least = { bytes: 10 * 2 ** 30, names: 10_000 };

export const storage: DoctorCheck = {
  id: 'storage',
  title: 'storage',
  tests: 'Looks whether base_dir and every known mount are there, bear their markers and have room.',
  roles: ['worker', 'importer', 'web'],
  needs: [],
  run: async ({ config, runs }) => {
    const { baseDir } = config.storage;
    if (!baseDir) return { outcome: 'skipped', found: 'base_dir is not configured' };
    // That the database is away is told by another check.
    const known = runs && (await readMounts(runs, baseDir).catch(() => null));
    const mounts = known ?? [await plain(baseDir)];
    const bad = mounts.filter((m) => m.state === 'missing' || m.state === 'changed');
    if (bad.length)
      return {
        outcome: 'problem',
        found: bad
          .map((m) =>
            m.state === 'missing'
              ? `${m.path}: ${m.reason}`
              : `${m.path}: ${m.found === null ? 'its marker is not there, as when the storage is not mounted' : 'it bears another marker than the one that was adopted'}`,
          )
          .join('; '),
        remedy:
          'Mount the storage at the same path for worker, importer and OMERO server (by default /data); where another took its place on purpose: biomero-bridge storage adopt --replace.',
        who: 'it',
      };
    const full = mounts.filter(
      (m) => (m.room?.bytes ?? Infinity) < least.bytes || (m.room?.names ?? Infinity) < least.names,
    );
    if (full.length)
      return {
        outcome: 'warning',
        found: full
          .map((m) => `${m.path} has ${m.room?.bytes} bytes and room for ${m.room?.names} files left`)
          .join('; '),
        remedy: 'Make room, or enlarge the storage; an archive takes its size twice while it is unpacked.',
        who: 'it',
      };
    const unmarked = mounts.filter((m) => m.state === 'unmarked').map((m) => m.path);
    if (unmarked.length)
      return {
        outcome: 'warning',
        fixable: unmarked.includes(baseDir) && (await isSurelyMounted(baseDir)),
        found: `${unmarked.join(', ')} bears no marker, so a mount that went away cannot be told from an empty folder`,
        remedy: 'While it is mounted: biomero-bridge storage adopt.',
        who: 'admin',
      };
    const unasked = runs && !known ? '; whether it is the one that was adopted could not be asked' : '';
    return { outcome: 'ok', found: `${mounts.map((m) => m.path).join(', ')}: there, with room${unasked}` };
  },
  fix: async ({ config, runs }) => {
    if (!runs) throw new Error('no database of runs is configured');
    const { path, marker } = await adoptStorage(runs, config.storage.baseDir);
    return `adopted ${path}, marker ${marker}`;
  },
};

/** An empty folder where a mount should be must not get the marker: it has to be a mount of its own, or hold archives. */
async function isSurelyMounted(baseDir: string): Promise<boolean> {
  const [here, above] = [await stat(baseDir), await stat(dirname(baseDir))];
  if (here.dev !== above.dev) return true;
  const folders = (await readdir(baseDir, { withFileTypes: true })).filter((e) => e.isDirectory());
  return folders.slice(0, 1000).some((e) => existsSync(join(baseDir, e.name, archivesFolder)));
}

async function plain(path: string): Promise<{
  path: string;
  state: 'known' | 'missing' | 'unmarked' | 'changed';
  found: string | null;
  reason: string | null;
  room: { bytes: number | null; names: number | null } | null;
}> {
  try {
    return { path, state: 'known', found: null, reason: null, room: await freeSpace(path) };
  } catch (error) {
    return { path, state: 'missing', found: null, reason: describeError(error), room: null };
  }
}
