import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFile } from '../lib/package-root.ts';

/** What a module loads before it runs: files of ours below it, and packages. */
function loadedWith(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, type, from = ''] of readFileSync(path, 'utf8').matchAll(
    /^(?:import|export) (type )?[^;]*?from '([^']+)';$/gm,
  )) {
    if (type !== undefined || from.startsWith('node:')) continue;
    if (from.startsWith('.')) loadedWith(join(dirname(path), from), found);
    else found.add(from);
  }
  return found;
}

test('whoever asks for help, or as root for a start, waits for no command but that', () => {
  const packages = (path: string): string[] =>
    [...loadedWith(packageFile('src', 'cli', path))].filter((name) => !name.startsWith('/'));
  expect(packages('program.ts')).toEqual(['commander']);
  expect(packages('start.ts')).toEqual([]);
  expect(packages('start-here.ts')).toContain('pg');
});
