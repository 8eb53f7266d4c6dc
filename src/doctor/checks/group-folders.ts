import { ownGid, ownUid } from '../../archive/storage-error.ts';
import { isBridgeError } from '../../domain/errors.ts';
import { checkGroupStorage, readStoredGroups } from '../../storage/check.ts';
import type { DoctorCheck } from '../check.ts';

export const groupFolders: DoctorCheck = {
  id: 'group-folders',
  title: 'folders of groups',
  tests: 'Tries in the folder of every group with a mapping or a run what an archive needs, as the user who runs this.',
  roles: ['worker'],
  needs: ['runs-database', 'storage'],
  run: async ({ config, runs, log }) => {
    if (!runs) return { outcome: 'skipped', found: 'no database of runs is configured' };
    if (!config.storage.baseDir) return { outcome: 'skipped', found: 'base_dir is not configured' };
    const groups = await readStoredGroups(runs, config.storage);
    const wrong: string[] = [];
    let first: Error | null = null;
    for (const group of groups)
      try {
        await checkGroupStorage(runs, config.storage, group, log);
      } catch (error) {
        if (!isBridgeError(error)) throw error;
        first ??= error;
        wrong.push(`${group.name}: ${error.message}`);
      }
    const as = `as uid:gid ${ownUid()}:${ownGid()}`;
    if (isBridgeError(first))
      return { outcome: 'problem', found: `${as}: ${wrong.join('; ')}`, remedy: first.remedy, who: first.who };
    if (!groups.length) return { outcome: 'skipped', found: 'no group has a mapping or a run yet' };
    return { outcome: 'ok', found: `${groups.length} can be written ${as}` };
  },
};
