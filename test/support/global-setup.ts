import { mkdtempSync, chmodSync, chownSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../src/embedded/postgres/manager.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** libpq URL of the run's own PostgreSQL, of its database `postgres`. */
    postgresUrl: string;
  }
}

/** One PostgreSQL for the whole test run, in a folder of its own; as root it runs as an unprivileged user. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = mkdtempSync(join(tmpdir(), 'biomero-bridge-test-'));
  const runAs = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : null;
  chmodSync(directory, 0o755);
  if (runAs) chownSync(directory, runAs.uid, runAs.gid);
  const postgres = await startPostgres({
    dataDir: join(directory, 'postgres'),
    runAs,
    log: pino({ level: 'silent' }),
    unsafeFast: true,
  });
  project.provide('postgresUrl', postgres.url('postgres'));
  return async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
