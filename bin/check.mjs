/** `npm run check`: types, lint, format, dead code and generated files; says which of them failed. */
import { spawnSync } from 'node:child_process';
import { ensureBuilt, ensureInstalled, ensureNode, root, tool } from './bootstrap.mjs';

ensureNode();
ensureInstalled();
ensureBuilt();

const node = process.execPath;
const checks = [
  ['types', [node, tool('typescript', 'bin/tsc'), '-p', 'tsconfig.json']],
  ['types of the web pages', [node, tool('typescript', 'bin/tsc'), '-p', 'web/tsconfig.json', '--noEmit']],
  ['lint', [node, tool('oxlint', 'bin/oxlint'), '--type-aware', '--deny-warnings']],
  ['format', [node, tool('prettier', 'bin/prettier.cjs'), '--check', '--log-level=warn', '.']],
  ['dead code', [node, tool('knip', 'bin/knip.js')]],
  ['generated files', [node, 'dist/src/docs/generate-main.js', '--check']],
];

const failed = [];
for (const [title, [command, ...args]] of checks) {
  const name = String(title);
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  process.stdout.write(
    `${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
  );
  if (status !== 0) failed.push(name);
}
if (failed.length) {
  process.stdout.write(`\nFailed: ${failed.join(', ')}\n`);
  process.exit(1);
}
