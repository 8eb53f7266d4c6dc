import { problemText } from '../../config/problems.ts';
import type { DoctorCheck } from '../check.ts';

export const configuration: DoctorCheck = {
  id: 'configuration',
  title: 'configuration',
  tests: 'Reads every variable and file that the roles use.',
  roles: ['worker', 'importer', 'web'],
  needs: [],
  run: ({ problems, config }) => {
    const notes = config.notes ?? [];
    if (problems.length)
      return Promise.resolve({
        outcome: 'problem',
        // One a line.
        found: problems.map(problemText).join('\n'),
        remedy: 'Correct these values; `biomero-bridge config check` shows them with their lines.',
        who: 'admin',
      });
    if (notes.length)
      return Promise.resolve({
        outcome: 'warning',
        found: notes.join('\n'),
        remedy: 'See `biomero-bridge config show`.',
        who: 'admin',
      });
    return Promise.resolve({ outcome: 'ok', found: 'every value can be used' });
  },
};
