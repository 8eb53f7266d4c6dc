import { isSupported } from '../../omero/version.ts';
import type { DoctorCheck } from '../check.ts';

export const omeroSignIn: DoctorCheck = {
  id: 'omero',
  title: 'sign-in to OMERO',
  tests: "Signs in to OMERO with the service account; looks at the server's version and at what the account may do.",
  roles: ['worker', 'importer', 'web'],
  needs: [],
  run: async ({ config, omero }) => {
    if (!config.omero.host) return { outcome: 'skipped', found: 'OMERO_HOST is not configured' };
    const session = await omero.admin();
    const version = await session.version();
    const { userName, isAdmin, leaderOfGroups } = session.context;
    if (!isSupported(version))
      return {
        outcome: 'problem',
        found: `OMERO ${version}`,
        remedy: 'Upgrade OMERO.server to 5.6: older ones than 5.4 lack what import in place needs.',
        who: 'it',
      };
    if (isAdmin) return { outcome: 'ok', found: `OMERO ${version}; ${userName} may sign in and act for others` };
    return {
      outcome: leaderOfGroups.length ? 'warning' : 'problem',
      found: `${userName} is no administrator${leaderOfGroups.length ? `, but leads ${leaderOfGroups.length} groups, for whose members it can act` : ': it cannot act for the users whose results it imports'}`,
      remedy: `Make ${userName} an administrator who is restricted to the privilege "Sudo".`,
      who: 'admin',
    };
  },
};
