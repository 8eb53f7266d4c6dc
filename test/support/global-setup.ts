import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../src/embedded/postgres/manager.ts';
import { findRunningServer, stopServer } from '../../src/embedded/postgres/running-server.ts';
import { identifyProcess, isAlive, parseIdentity } from '../../src/lib/process-identity.ts';
import { serverUser } from './server-user.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** libpq URL of the run's own PostgreSQL, of its database `postgres`. */
    postgresUrl: string;
    /** A folder of the run's own. */
    runFolder: string;
  }
}

const prefix = 'biomero-bridge-run-';

/** One PostgreSQL for the whole test run, in a folder of its own; as root it runs as an unprivileged user. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clearLeftovers();
  const directory = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'owner.json'), JSON.stringify(identifyProcess(process.pid)));
  const postgres = await startPostgres({
    dataDir: join(directory, 'postgres'),
    runAs: serverUser,
    log: pino({ level: 'silent' }),
    unsafeFast: true,
  });
  project.provide('postgresUrl', postgres.url('postgres'));
  project.provide('runFolder', directory);
  return async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  };
}

/** Ends the servers of test runs that were killed, and removes their folders. */
async function clearLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const directory = join(tmpdir(), name);
    try {
      // Everybody may write in a temporary folder: only what this user made there is ours to remove.
      const found = lstatSync(directory);
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue;
      const owner = parseIdentity(JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8')));
      if (!owner || isAlive(owner)) continue;
      const server = findRunningServer(join(directory, 'postgres', 'cluster'));
      if (server) await stopServer(server, 2_000);
      await rm(directory, { recursive: true, force: true });
    } catch {
      // Another run clears it at this very moment, or has just made it.
    }
  }
}
