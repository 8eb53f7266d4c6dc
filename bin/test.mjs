/** `npm test`: installs and builds what is missing, then runs every test; arguments go to vitest. */
import { ensureBuilt, ensureInstalled, ensureNode, run, tool } from './bootstrap.mjs';

ensureNode();
ensureInstalled();
ensureBuilt();
// What tests start as processes need not be compiled for each: see src/lib/package-root.ts.
run(
  process.execPath,
  [tool('typescript', 'bin/tsc'), '-p', 'tsconfig.test-programs.json'],
  'The build for tests failed.',
);
process.env['PROGRAMS_ARE_BUILT'] = 'yes';
run(process.execPath, [tool('vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], 'Tests failed.');
