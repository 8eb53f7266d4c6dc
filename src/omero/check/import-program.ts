import { checkImportProgram } from '../agent/self-check.ts';
import type { Check } from './check.ts';

export const checkImportProgramStarts: Check = {
  id: 'import-program',
  title: 'Import program',
  needs: [],
  run: ({ config: { importer } }) => checkImportProgram(importer),
};
