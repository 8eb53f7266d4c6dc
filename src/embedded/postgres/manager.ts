import { spawn, execFile } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Logger } from 'pino';
import { bridgeError, describeError } from '../../domain/errors.ts';
import { identifyProcess, isAlive, killProcess, stopProcess, type ProcessIdentity } from '../../lib/process-identity.ts';
import { installBinaries, type PostgresBinaries } from './binaries.ts';
import { socketFolder } from './socket-folder.ts';

/**
 * PostgreSQL as a child process on a unix socket. There is no password: the socket's folder has mode 0700, so only the
 * user that runs the server (and root) can connect. The server outlives a killed parent; the next start adopts it.
 */
export interface EmbeddedPostgres {
  /** libpq URL of a database on the socket. */
  url(database: string): string;
  ensureDatabase(name: string): Promise<void>;
  /** True when a server that already ran was taken over. */
  adopted: boolean;
  identity: ProcessIdentity;
  /** Ends the server, adopted or not; open connections are cut. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  dataDir: string;
  /** Identity of the server when we are root, which PostgreSQL refuses to run as. */
  runAs: { uid: number; gid: number } | null;
  log: Logger;
  /** For tests alone: trades safety after a power loss for speed. */
  unsafeFast?: boolean;
}

const superuser = 'bridge';
const startWithinMs = 60_000;
const run = promisify(execFile);

/** @throws PLATFORM_WITHOUT_POSTGRES, POSTGRES_VERSION_DIFFERS, POSTGRES_FAILED */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const runAs = process.getuid?.() === 0 ? options.runAs : null;
  await mkdir(options.dataDir, { recursive: true, mode: 0o755 });
  if (runAs) await chown(options.dataDir, runAs.uid, runAs.gid);
  const binaries = await installBinaries(options.dataDir);
  const cluster = join(options.dataDir, 'cluster');
  const logFile = join(options.dataDir, 'postgres.log');
  if (!existsSync(cluster)) await initialise(options, runAs, binaries, cluster, logFile);
  const found = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  if (found !== binaries.major)
    throw bridgeError('POSTGRES_VERSION_DIFFERS', { folder: cluster, found, ours: binaries.major });

  const sockets = await socketFolder(options.dataDir, runAs);
  const url = (database: string): string =>
    `postgresql://${superuser}@/${encodeURIComponent(database)}?host=${encodeURIComponent(sockets)}`;
  const adopted = await adopt(cluster, url('postgres'), options.log);
  const identity = adopted ?? (await launch(options, runAs, binaries, cluster, sockets, logFile, url('postgres')));
  return {
    url,
    adopted: adopted !== null,
    identity,
    ensureDatabase: (name) => ensureDatabase(url('postgres'), name),
    async stop() {
      // SIGINT is the fast shutdown: sessions are cut, everything committed is written.
      await stopProcess(identity, { signal: 'SIGINT', graceMs: 20_000 });
    },
  };
}

/** Makes a new cluster under another name first: an interrupted initdb leaves nothing that looks like a database. */
async function initialise(
  options: PostgresOptions,
  runAs: PostgresOptions['runAs'],
  binaries: PostgresBinaries,
  cluster: string,
  logFile: string,
): Promise<void> {
  const partial = `${cluster}.partial`;
  await rm(partial, { recursive: true, force: true });
  const fast = options.unsafeFast ? ['--no-sync'] : [];
  try {
    await run(
      binaries.initdb,
      ['-D', partial, '-U', superuser, '--auth=trust', '--encoding=UTF8', '--no-locale', ...fast],
      { ...runAs, env: environment(binaries) },
    );
  } catch (error) {
    throw bridgeError('POSTGRES_FAILED', { folder: cluster, reason: outputOf(error), log: logFile }, { cause: error });
  }
  await rename(partial, cluster);
}

/** The server that already runs on this cluster, if it answers. One that does not answer is stopped. */
async function adopt(cluster: string, url: string, log: Logger): Promise<ProcessIdentity | null> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => null);
  if (text === null) return null;
  const [pid, dataDir] = text.split('\n');
  const identity = identifyProcess(Number(pid));
  if (!identity || dataDir !== cluster || !identity.executable.includes('postgres')) return null;
  if (await answers(url, 5_000, identity)) {
    log.info({ pid: identity.pid }, 'adopted the PostgreSQL that an earlier start left');
    return identity;
  }
  log.warn({ pid: identity.pid }, 'the PostgreSQL that an earlier start left does not answer; stopping it');
  await stopProcess(identity, { signal: 'SIGINT', graceMs: 5_000 });
  return null;
}

async function launch(
  options: PostgresOptions,
  runAs: PostgresOptions['runAs'],
  binaries: PostgresBinaries,
  cluster: string,
  sockets: string,
  logFile: string,
  url: string,
): Promise<ProcessIdentity> {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: sockets,
    unix_socket_permissions: '0700',
    max_connections: '80',
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    logging_collector: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(options.unsafeFast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const out = openSync(logFile, 'a', 0o600);
  // Detached: Ctrl-C in the terminal reaches us alone, and we end the server after everyone who uses it.
  const child = spawn(
    binaries.postgres,
    ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...runAs, env: environment(binaries), detached: true, stdio: ['ignore', out, out] },
  );
  closeSync(out);
  let exited: string | null = null;
  child.on('error', (error) => (exited = describeError(error)));
  child.on('exit', (code, signal) => (exited = `it ended with ${signal ?? `exit code ${code}`}`));
  child.unref();
  const identity = identifyProcess(child.pid ?? 0);
  const up = identity !== null && (await answers(url, startWithinMs, identity));
  if (up) return identity;
  if (identity) killProcess(identity, 'SIGQUIT');
  const tail = (await readFile(logFile, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' / ');
  throw bridgeError('POSTGRES_FAILED', {
    folder: cluster,
    reason: `${exited ?? 'it does not answer'} (${tail})`,
    log: logFile,
  });
}

/** Waits until the server takes a connection; gives up when its process ended or the time is over. */
async function answers(url: string, withinMs: number, identity: ProcessIdentity): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } catch {
      if (!isAlive(identity) || Date.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** A small environment of our own: the caller's PG* variables and secrets are not the server's business. */
function environment(binaries: PostgresBinaries): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LC_ALL: 'C',
    TZ: 'UTC',
    LD_LIBRARY_PATH: join(binaries.directory, 'lib'),
  };
}

function outputOf(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr ? stderr.split('\n').slice(-2).join(' / ') : describeError(error);
}
