import { rm } from 'node:fs/promises';
import type { DoctorCheck, DoctorSite } from '../check.ts';
import { findLeftovers, type Leftover } from '../leftovers.ts';

export const leftovers: DoctorCheck = {
  id: 'leftovers',
  title: 'leftovers',
  tests:
    'Looks for unfinished archives that nobody has touched for a week, for trials that died, and for new versions of mapping files that never took their place.',
  roles: ['worker'],
  needs: ['runs-database', 'storage'],
  costly: true,
  run: async (site) => {
    if (!site.runs || !site.config.storage.baseDir)
      return { outcome: 'skipped', found: 'no storage or no database of runs is configured' };
    const all = await look(site);
    if (!all.length) return { outcome: 'ok', found: 'none' };
    const kept = all.filter((l) => l.removable === null);
    const words = all.slice(0, 5).map((l) => `${l.path} (${l.removable ?? 'its run may still need it'})`);
    return {
      outcome: 'warning',
      found: `${words.join('; ')}${all.length > 5 ? `; and ${all.length - 5} more` : ''}`,
      remedy: kept.length
        ? 'Retry the runs of those that are needed, or give them up: `biomero-bridge runs abandon`. `biomero-bridge doctor --fix` removes the others.'
        : '`biomero-bridge doctor --fix` removes them.',
      who: 'admin',
      fixable: kept.length < all.length,
    };
  },
  fix: async (site) => {
    const removed: string[] = [];
    for (const { path, removable } of await look(site)) {
      if (removable === null) continue;
      await rm(path, { recursive: true, force: true });
      removed.push(path);
    }
    return `removed ${removed.join(', ')}`;
  },
};

function look({ runs, config, now }: DoctorSite): Promise<Leftover[]> {
  return runs ? findLeftovers(runs, config.storage, now()) : Promise.resolve([]);
}
