import type { DoctorCheck } from '../check.ts';

export const omeroSignIn: DoctorCheck = {
  id: 'omero',
  title: 'sign-in to OMERO',
  tests: 'Signs in to OMERO with the service account.',
  roles: ['worker', 'importer'],
  needs: [],
  run: async ({ config, omero }) => {
    if (!config.omero.host) return { outcome: 'skipped', found: 'OMERO_HOST is not configured' };
    await omero.admin();
    return {
      outcome: 'ok',
      found: `${config.omero.user} may sign in; \`biomero-bridge omero check\` tries the rest, also an import in place`,
    };
  },
};
