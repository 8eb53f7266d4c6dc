import { importTaskNames } from '../../domain/vocabulary.ts';
import type { DoctorCheck } from '../check.ts';

const names = Object.values(importTaskNames);

export const scripts: DoctorCheck = {
  id: 'scripts',
  title: 'scripts in OMERO',
  tests: `Looks whether OMERO holds ${names.join(' and ')}, once each: by these names the Python orchestrator calls them.`,
  roles: ['worker'],
  needs: ['omero'],
  run: async ({ config, omero }) => {
    if (!config.omero.host) return { outcome: 'skipped', found: 'OMERO_HOST is not configured' };
    const found = await (await omero.admin()).scriptsNamed(names);
    if (!found.length)
      return { outcome: 'skipped', found: 'OMERO has neither; only a Python orchestrator would need them' };
    const wrong = names.flatMap((name) => {
      const copies = found.filter((s) => s.name === name);
      if (copies.length === 1) return [];
      if (!copies.length) return [`${name} is not found`];
      return [`${copies.length} copies of ${name}: ${copies.map((c) => `${c.path}${c.name} (${c.id})`).join(', ')}`];
    });
    if (!wrong.length) return { outcome: 'ok', found: `${names.join(' and ')}, once each` };
    return {
      outcome: 'warning',
      found: wrong.join('; '),
      remedy:
        'Let the scripts folder of the OMERO server hold one copy of each, then upload them anew (`omero script upload --official`); with several it is left to chance which one runs.',
      who: 'admin',
    };
  },
};
