import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { packageFile } from '../lib/package-root.ts';
import { configurationPage } from './reference-page.ts';

test('docs/reference/configuration.md is what the table of settings says', async () => {
  expect(await readFile(packageFile('docs/reference/configuration.md'), 'utf8')).toBe(configurationPage());
});
