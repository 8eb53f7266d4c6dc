/**
 * What `npm start` and `npm test` do first on a fresh clone: install and build what is missing. Plain JavaScript
 * without dependencies, because nothing may be installed yet.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const minimum = [20, 19];

/** A package from a registry or a packed file is built already, and has no lock file. */
export function isClone() {
  return existsSync(join(root, 'package-lock.json'));
}

export function ensureNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > minimum[0] || (major === minimum[0] && minor >= minimum[1])) return;
  stop(`Node.js ${minimum.join('.')} or newer is needed; this is ${process.versions.node}.`);
}

/** Installs the locked dependencies unless those of this very lock file are there. */
export function ensureInstalled() {
  const lock = hashOf(join(root, 'package-lock.json'));
  const stamp = join(root, 'node_modules', '.biomero-bridge-lock');
  if (read(stamp) === lock) return;
  say('Installing dependencies (npm ci) …');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci failed; see above.');
  writeFileSync(stamp, lock);
}

/** Compiles `src/`, `workflows/` and `web/` into `dist/` unless the build is of these very sources. */
export function ensureBuilt() {
  const sources = hashOfTree(['src', 'workflows', 'web', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']);
  const stamp = join(root, 'dist', '.built');
  if (read(stamp) === sources) return;
  build();
}

export function build() {
  const sources = hashOfTree(['src', 'workflows', 'web', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']);
  say('Building …');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, [tool('typescript', 'bin/tsc'), '-p', 'tsconfig.build.json'], 'The build failed; see above.');
  run(
    process.execPath,
    [tool('vite', 'bin/vite.js'), 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn'],
    'The build of the web pages failed; see above.',
  );
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(join(root, 'dist', '.built'), sources);
}

export function tool(name, path) {
  return join(root, 'node_modules', name, path);
}

/** Runs a program in the package's folder with our own streams; ends this process with `failure` when it fails. */
export function run(command, args, failure) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.error) stop(`${failure} (${result.error.message})`);
  if (result.status !== 0) stop(failure);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function stop(text) {
  say(text);
  process.exit(1);
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

function hashOf(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function hashOfTree(names) {
  const hash = createHash('sha256');
  const visit = (relative) => {
    const path = join(root, relative);
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(relative, name));
    } else if (!/\.test\.tsx?$/.test(relative)) {
      hash.update(`${relative}\0`).update(readFileSync(path)).update('\0');
    }
  };
  names.forEach(visit);
  return hash.digest('hex');
}
