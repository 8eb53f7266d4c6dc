import { checkGroupMappings } from '../../archive/check-group-mappings.ts';
import { readGroupMappings } from '../../archive/group-mappings.ts';
import type { DoctorCheck, DoctorSite } from '../check.ts';

export const mappings: DoctorCheck = {
  id: 'mappings',
  title: 'group mappings',
  tests:
    "Compares every mapping of a group with the folders on the storage, with the other mappings, and with OMERO's groups.",
  roles: ['worker', 'importer', 'web'],
  needs: ['storage'],
  run: async (site) => {
    const { storage } = site.config;
    if (!storage.baseDir) return { outcome: 'skipped', found: 'base_dir is not configured' };
    const all = await readGroupMappings(storage.mappingFiles);
    if (!all.size) return { outcome: 'ok', found: 'no group has one: each uses the folder of its name' };
    const groups = await groupsOf(site);
    const findings = await checkGroupMappings(storage, all, groups ? { groups } : {});
    const [first] = findings.toSorted((a, b) => Number(b.level === 'error') - Number(a.level === 'error'));
    const against = groups ? '' : "; OMERO's groups could not be asked for";
    if (!first) return { outcome: 'ok', found: `${all.size} can be used${against}` };
    return {
      outcome: first.level === 'error' ? 'problem' : 'warning',
      found: `${findings.map((f) => `group ${f.key} "${f.groupName}", folder "${f.folder}": ${f.reason}`).join('; ')}${against}`,
      remedy: first.remedy,
      who: 'admin',
    };
  },
};

/** Whether OMERO can be asked is told by another check. */
async function groupsOf({ config, omero }: DoctorSite): Promise<{ id: number; name: string }[] | null> {
  if (!config.omero.host) return null;
  return omero.admin().then(
    (session) => session.allGroups(),
    () => null,
  );
}
