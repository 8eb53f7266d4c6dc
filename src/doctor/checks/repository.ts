import { checkManagedRepository } from '../../omero/agent/self-check.ts';
import type { DoctorCheck } from '../check.ts';
import { asFinding } from './as-finding.ts';

export const repository: DoctorCheck = {
  id: 'repository',
  title: "OMERO's managed repository",
  tests: 'Looks whether it is on this machine at the path that OMERO names, and can be written by imports.',
  roles: ['importer'],
  needs: ['omero'],
  run: async ({ config, omero }) => {
    if (!config.omero.host) return { outcome: 'skipped', found: 'OMERO_HOST is not configured' };
    const path = await (await omero.admin()).managedRepositoryPath();
    return asFinding(await checkManagedRepository(path, config.importer.runAs));
  },
};
