import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { resolveGroupFolder } from '../../archive/group-folder.ts';
import { archivesFolder } from '../../archive/layout.ts';
import { ownGid, ownUid } from '../../archive/storage-error.ts';
import { isBridgeError } from '../../domain/errors.ts';
import { checkGroupStorage, readStoredGroups } from '../../storage/check.ts';
import { requireStorage } from '../../storage/preflight.ts';
import type { DoctorCheck } from '../check.ts';

export const groupFolders: DoctorCheck = {
  id: 'group-folders',
  title: 'folders of groups',
  tests: 'Tries in the folder of every group with a mapping or a run what an archive needs, as the user who runs this.',
  roles: ['worker'],
  needs: ['runs-database', 'storage'],
  costly: true,
  run: async ({ config, runs, log }) => {
    if (!runs) return { outcome: 'skipped', found: 'no database of runs is configured' };
    if (!config.storage.baseDir) return { outcome: 'skipped', found: 'base_dir is not configured' };
    const groups = await readStoredGroups(runs, config.storage);
    const wrong: string[] = [];
    let first: Error | null = null;
    let absent = 0;
    for (const group of groups)
      try {
        const { path } = await checkGroupStorage(runs, config.storage, group, log);
        if (!existsSync(join(path, archivesFolder))) absent++;
      } catch (error) {
        if (!isBridgeError(error)) throw error;
        first ??= error;
        wrong.push(`${group.name}: ${error.message}`);
      }
    const root = ownUid() === 0;
    const as = `as uid:gid ${ownUid()}:${ownGid()}`;
    if (isBridgeError(first))
      return { outcome: 'problem', found: `${as}: ${wrong.join('; ')}`, remedy: first.remedy, who: first.who };
    if (!groups.length) return { outcome: 'skipped', found: 'no group has a mapping or a run yet' };
    const told = root ? ', which as root tells nothing about the user of the worker' : '';
    const made = absent ? `; in ${absent} the folder ${archivesFolder} is made by the first archive` : '';
    // Folders of root's would be in the worker's way.
    return {
      outcome: 'ok',
      found: `${groups.length} can be written ${as}${told}${made}`,
      fixable: absent > 0 && !root,
    };
  },
  fix: async ({ config, runs, log }) => {
    const made: string[] = [];
    for (const group of runs ? await readStoredGroups(runs, config.storage) : []) {
      const folder = join((await resolveGroupFolder(config.storage, group)).path, archivesFolder);
      if (!runs || existsSync(folder)) continue;
      await requireStorage(runs, config.storage, group, { log });
      made.push(folder);
    }
    return `made ${made.join(', ')}`;
  },
};
