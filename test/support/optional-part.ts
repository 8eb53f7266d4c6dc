import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** Real parts that some tests talk to. They run where the part is present; `CI=true` makes a missing one an error. */
export const optionalParts = [
  'Slurm',
  'OpenSSH',
  'Glacier2',
  'Chromium',
  'Python peers',
  'Python zarr',
  'podman',
  'Container tools',
  'Java',
  'busybox',
  'pgbouncer',
  'System PostgreSQL',
  'faketime',
] as const;
export type OptionalPart = (typeof optionalParts)[number];

/** Declares tests that need a part; its name leads the suite's name, from which `part-reporter.ts` counts. */
export function describeWithPart(part: OptionalPart, available: boolean, name: string, tests: () => void): void {
  if (!available && process.env['CI'] === 'true')
    throw new Error(`${part} is missing, and CI runs every test: install it in .ci/run`);
  describe.skipIf(!available)(`[${part}] ${name}`, tests);
}

/** True when an executable of this name is in PATH, or in the sbin folders that PATH often lacks. */
export function hasExecutable(name: string): boolean {
  return findExecutable(name) !== null;
}

export function findExecutable(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  for (const folder of folders) {
    if (!folder) continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      continue;
    }
  }
  return null;
}
