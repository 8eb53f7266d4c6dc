import { checkManagedRepository } from '../agent/self-check.ts';
import { made, type Check } from './check.ts';

export const checkRepository: Check = {
  id: 'repository',
  title: 'Managed repository',
  needs: ['sign-in'],
  async run(site) {
    const path = await made(site, 'admin').managedRepositoryPath();
    site.made.managedRepository = path;
    return checkManagedRepository(path, site.config.importer.runAs);
  },
};
