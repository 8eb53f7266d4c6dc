import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** True when the code runs from its TypeScript sources (tests, `npm run dev`), not from `dist/`. */
const fromSource = here.endsWith('.ts');

/** Folder of this package: where `package.json`, `migrations/` and `dist/` lie. */
export const packageRoot = findRoot(dirname(here));

/** Absolute path of a file that ships with the package, such as `migrations/runs`. */
export function packageFile(...parts: string[]): string {
  return join(packageRoot, ...parts);
}

/**
 * Argument list that runs one of our own programs in a child process, named without extension relative to the package
 * (`src/embedded/omero/import-main`): compiled from `dist/`, or through tsx when we ourselves run from source. `npm test`
 * says that it has compiled these very sources, as tsx takes a second of every process.
 */
export function ownProgram(program: string): string[] {
  if (!fromSource) return [process.execPath, packageFile('dist', `${program}.js`)];
  if (process.env['PROGRAMS_ARE_BUILT'] === 'yes')
    for (const folder of ['dist', 'node_modules/.cache/test-programs']) {
      const compiled = packageFile(folder, `${program}.js`);
      if (existsSync(compiled)) return [process.execPath, compiled];
    }
  return [process.execPath, '--import', import.meta.resolve('tsx'), packageFile(`${program}.ts`)];
}

function findRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'package.json'))) return dir;
    if (dir === dirname(dir)) throw new Error(`no package.json above ${from}`);
  }
}
