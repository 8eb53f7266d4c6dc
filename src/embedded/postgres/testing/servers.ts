import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { serverUser } from '../../../../test/support/server-user.ts';
import { ownProgram } from '../../../lib/package-root.ts';
import { startPostgres, type EmbeddedPostgres, type PostgresOptions } from '../manager.ts';
import { findRunningServer, stopServer } from '../running-server.ts';

/** A data folder that the server's user can reach; whatever still runs in it ends with the test. */
export async function dataFolder(...below: string[]): Promise<string> {
  const folder = await temporaryFolder('postgres');
  await chmod(folder, 0o755);
  const dataDir = join(folder, ...below, 'postgres');
  onTestFinished(async () => {
    const left = findRunningServer(join(dataDir, 'cluster'));
    if (left) await stopServer(left, 1_000);
  });
  return dataDir;
}

export function start(dataDir: string, options: Partial<PostgresOptions> = {}): Promise<EmbeddedPostgres> {
  return startPostgres({ dataDir, runAs: serverUser, log: pino({ level: 'silent' }), unsafeFast: true, ...options });
}

/** Starts the server from a process of its own, which a test can kill. */
export function startElsewhere(dataDir: string): { child: ChildProcess; up: Promise<{ url: string; pid: number }> } {
  const user = serverUser ? [String(serverUser.uid), String(serverUser.gid)] : [];
  const [command = '', ...args] = ownProgram('src/embedded/postgres/testing/start-main').concat(dataDir, user);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const up = once(child.stdout, 'data').then(([data]) => JSON.parse(String(data)) as { url: string; pid: number });
  return { child, up };
}

export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Runs one statement on a connection of its own and returns the rows. */
export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
