import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { resolveGroupFolder } from '../../archive/group-folder.ts';
import { archivesFolder } from '../../archive/layout.ts';
import { ownUid } from '../../archive/storage-error.ts';
import { readStoredGroups } from '../../storage/check.ts';
import { requireStorage } from '../../storage/preflight.ts';
import type { DoctorCheck, DoctorSite } from '../check.ts';
import { callRoll } from '../roll-call.ts';
import { tryGroups, type TriedGroups } from '../try-groups.ts';

export const groupFolders: DoctorCheck = {
  id: 'group-folders',
  title: 'folders of groups',
  tests:
    'Tries in the folder of every group with a mapping or a run what an archive needs: lets the running worker do it, as the user that it runs as; where none answers, does it as the user who runs this.',
  roles: ['worker'],
  needs: ['runs-database', 'storage'],
  costly: true,
  limitMs: 60_000,
  run: async (site) => {
    if (!site.runs) return { outcome: 'skipped', found: 'no database of runs is configured' };
    if (!site.config.storage.baseDir) return { outcome: 'skipped', found: 'base_dir is not configured' };
    const ofWorker = await askWorker(site);
    const { uid, gid, groups, absent, wrong } = ofWorker ?? (await tryGroups(site.runs, site.config.storage, site.log));
    const as = `as uid:gid ${uid}:${gid}${ofWorker ? ' of the worker' : ''}`;
    const [first] = wrong;
    if (first) {
      const found = `${as}: ${wrong.map((w) => `${w.group}: ${w.message}`).join('\n')}`;
      return { outcome: 'problem', found, remedy: first.remedy, who: first.who };
    }
    if (!groups) return { outcome: 'skipped', found: 'no group has a mapping or a run yet' };
    const told = uid === 0 && !ofWorker ? ', which as root tells nothing about the user of the worker' : '';
    const made = absent ? `; in ${absent} the folder ${archivesFolder} is made by the first archive` : '';
    // Folders of root's would be in the worker's way.
    return {
      outcome: 'ok',
      found: `${groups} can be written ${as}${told}${made}`,
      fixable: absent > 0 && ownUid() !== 0,
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

/** Null when no worker answers, or it could not try. */
async function askWorker({ orders, answerMs }: DoctorSite): Promise<TriedGroups | null> {
  // A database without the tables for it is told by another check.
  const answers = orders
    ? await callRoll(orders, {
        waitMs: answerMs,
        enough: (all) => all.some((a) => a.detail.groups !== null),
        tryGroups: true,
      }).catch(() => [])
    : [];
  return answers.find((a) => a.detail.groups !== null)?.detail.groups ?? null;
}
