import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';

/*
 * As root, a first start on a data folder copies the program, and PostgreSQL for the user that runs it: 4,000 files, which
 * take seconds. The first start of a test run does; what it has made is kept, and linked into folders made later.
 */

/** What is kept of a data folder, as the product has made it: the copies for one build, and for one PostgreSQL. */
function copiesIn(dataFolder: string): string[] {
  const program = join(dataFolder, 'program');
  const postgres = join(dataFolder, 'postgres');
  return [
    ...(existsSync(program) ? readdirSync(program).filter((name) => /^[0-9a-f]{16}$/.test(name)) : []).map((name) =>
      join('program', name),
    ),
    ...(existsSync(postgres) ? readdirSync(postgres).filter((name) => name.startsWith('bin-')) : []).map((name) =>
      join('postgres', name),
    ),
  ];
}

/** Links what is kept into a data folder that has not been started on. */
export function linkPrograms(dataFolder: string): void {
  const kept = keptFolder();
  if (process.getuid?.() !== 0 || existsSync(join(dataFolder, 'program'))) return;
  for (const copy of copiesIn(kept)) {
    const parent = join(dataFolder, dirname(copy));
    mkdirSync(parent, { recursive: true });
    if (copy.startsWith('postgres')) chownSync(parent, 65_534, 65_534);
    execFileSync('cp', ['-al', join(kept, copy), parent]);
  }
}

/** Keeps what a data folder that nobody needs any more has, unless it is kept already. */
export function keepPrograms(dataFolder: string): void {
  const kept = keptFolder();
  if (process.getuid?.() !== 0) return;
  for (const copy of copiesIn(dataFolder)) {
    if (existsSync(join(kept, copy))) continue;
    mkdirSync(join(kept, dirname(copy)), { recursive: true });
    try {
      renameSync(join(dataFolder, copy), join(kept, copy));
    } catch (error) {
      // Another test was faster.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

function keptFolder(): string {
  return join(inject('runFolder'), 'kept');
}
