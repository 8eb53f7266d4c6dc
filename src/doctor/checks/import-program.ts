import { checkImportProgram } from '../../omero/agent/self-check.ts';
import type { DoctorCheck } from '../check.ts';
import { asFinding } from './as-finding.ts';

export const importProgram: DoctorCheck = {
  id: 'import-program',
  title: 'import program',
  tests: "Starts Java and looks for OMERO's importer in it, as the user that imports run as.",
  roles: ['importer'],
  needs: ['configuration'],
  costly: true,
  limitMs: 90_000,
  run: async ({ config }) => {
    if (!config.importer.command.length) return { outcome: 'skipped', found: 'none is configured' };
    return asFinding(await checkImportProgram(config.importer));
  },
};
