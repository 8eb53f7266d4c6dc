/**
 * Writes the reference pages that follow from the code: errors, command line, settings, checks of doctor and HTTP API. With `--check` it only compares, and
 * fails when a page is out of date.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { configurationPage } from '../config/reference-page.ts';
import { fileSchemas, fileTypes } from '../config/file-schemas.ts';
import { packageFile } from '../lib/package-root.ts';
import { commandLinePage } from './command-line-page.ts';
import { doctorPage } from './doctor-page.ts';
import { errorsPage } from './errors-page.ts';
import { openApiPage } from './openapi-page.ts';

const pages: Readonly<Record<string, () => string>> = {
  'docs/reference/errors.md': errorsPage,
  'docs/reference/command-line.md': commandLinePage,
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/doctor.md': doctorPage,
  'docs/reference/openapi.json': openApiPage,
  ...Object.fromEntries(
    fileTypes.map((name) => [`docs/reference/schemas/${name.replace('.', '-')}.schema.json`, () => `${JSON.stringify(fileSchemas[name], null, 2)}\n`]),
  ),
};

const check = process.argv.includes('--check');
for (const [path, page] of Object.entries(pages)) {
  const file = packageFile(path);
  const text = page();
  const now = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (now === text) continue;
  if (check) {
    process.stderr.write(`${path} is out of date: run \`npm run generate\`\n`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    process.stdout.write(`wrote ${path}\n`);
  }
}
