import { chmod, mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveGroupFolder } from '../../archive/group-folder.ts';
import { made, type Check } from './check.ts';

export const checkStorage: Check = {
  id: 'storage',
  title: 'Storage of the group',
  needs: ['acting'],
  async run(site) {
    const { groupId, groupName } = made(site, 'session').context;
    const { path, source } = await resolveGroupFolder(site.config.storage, { id: groupId, name: groupName });
    const isNew = await mkdir(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return false;
        throw error;
      },
    );
    // Removed only while it is empty: somebody may have begun to use it.
    if (isNew) site.cleanup.add(`the folder ${path}`, () => rmdir(path));
    const folder = join(path, `.${site.mark}`);
    await mkdir(folder);
    site.cleanup.add(`the folder ${folder}`, () => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    site.made.folder = folder;
    const why = source === 'mapping' ? 'as the group mappings say' : 'by its name';
    return { outcome: 'passed', detail: `${path}, ${why}.` };
  },
};
