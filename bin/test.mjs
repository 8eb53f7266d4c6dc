/** `npm test`: installs and builds what is missing, then runs every test; arguments go to vitest. */
import { ensureBuilt, ensureInstalled, ensureNode, run, tool } from './bootstrap.mjs';

ensureNode();
ensureInstalled();
ensureBuilt();
run(process.execPath, [tool('vitest', 'vitest.mjs'), 'run', ...process.argv.slice(2)], 'Tests failed.');
