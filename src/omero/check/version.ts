import { isSupported } from '../version.ts';
import { made, type Check } from './check.ts';

export const checkVersion: Check = {
  id: 'version',
  title: 'Version of the server',
  needs: ['sign-in'],
  async run(site) {
    const version = await made(site, 'admin').version();
    const remedy =
      'Upgrade OMERO.server to 5.6: older ones than 5.4 lack what in-place import and restricted administrators need.';
    if (!isSupported(version)) return { outcome: 'failed', detail: `OMERO ${version}.`, remedy };
    return { outcome: 'passed', detail: `OMERO ${version}.` };
  },
};
