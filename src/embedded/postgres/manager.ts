import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, lstatSync, openSync, renameSync } from 'node:fs';
import { lchown, mkdir, open, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { bridgeError, describeError } from '../../domain/errors.ts';
import { identifyProcess, stopProcess, type ProcessIdentity } from '../../lib/process-identity.ts';
import { requireReachable } from '../data-folder.ts';
import { installBinaries, serverEnvironment, type PostgresBinaries } from './binaries.ts';
import { ensureCluster, superuser } from './cluster.ts';
import { waitUntilReachable } from './reachable.ts';
import { findOrphans, findRunningServer, readPidFile, stopServer } from './running-server.ts';
import { socketFolder } from './socket-folder.ts';

/**
 * PostgreSQL as a child process on a unix socket. There is no password: the socket's folder has mode 0700, so only the
 * user that runs the server (and root) can connect. The server outlives a killed parent; the next start adopts it.
 */
export interface EmbeddedPostgres {
  /** libpq URL of a database on the socket; the caller's PGPORT and PGSSLMODE do not change what it means. */
  url(database: string): string;
  ensureDatabase(name: string): Promise<void>;
  /** True when a server that already ran was taken over. */
  adopted: boolean;
  identity: ProcessIdentity;
  /** Ends the server, adopted or not; open connections are cut. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Folder of our own for everything: `bin-<version>/`, `cluster/`, `sockets/`, `postgres.log`. */
  dataDir: string;
  /** Identity of the server when we are root, which PostgreSQL refuses to run as. */
  runAs: { uid: number; gid: number } | null;
  log: Logger;
  /** For tests alone: trades safety after a power loss for speed. */
  unsafeFast?: boolean;
  /** How long a server that is left from before may say nothing before it counts as stuck. */
  silentMs?: number;
}

interface Place {
  binaries: PostgresBinaries;
  cluster: string;
  logFile: string;
  runAs: PostgresOptions['runAs'];
  settings: Record<string, string>;
}

/** Recovery after a power loss takes its time. */
const startWithinMs = 60_000;
const largestLog = 10_000_000;

/**
 * Starts the server of a data folder, making what is missing, or adopts the one that already runs there.
 *
 * @throws PLATFORM_WITHOUT_POSTGRES, POSTGRES_VERSION_DIFFERS, POSTGRES_FAILED, DATA_FOLDER_NAME,
 * DATA_FOLDER_UNREACHABLE, SOCKET_FOLDER_UNSAFE
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const runAs = process.getuid?.() === 0 ? options.runAs : null;
  const dataDir = await prepareFolder(options.dataDir, runAs);
  const sync = !options.unsafeFast;
  const binaries = await installBinaries(dataDir, { sync });
  const cluster = join(dataDir, 'cluster');
  const logFile = join(dataDir, 'postgres.log');
  await ensureCluster(cluster, binaries, { runAs, log: logFile, sync });

  const left = await adopt(cluster, options.log, options.silentMs ?? 5_000);
  const sockets = left?.sockets ?? (await socketFolder(dataDir, runAs));
  const settings = settingsFor(sockets, options.unsafeFast ?? false);
  const identity = left?.identity ?? (await launch({ binaries, cluster, logFile, runAs, settings }, sockets));
  return {
    url: (database) => urlOf(sockets, database),
    adopted: left !== null,
    identity,
    ensureDatabase: (name) => ensureDatabase(urlOf(sockets, 'postgres'), name),
    stop: () => stopServer(identity),
  };
}

/** The folder's real path, made and given to the server's user when it is new. */
async function prepareFolder(path: string, runAs: PostgresOptions['runAs']): Promise<string> {
  const sign = /["$`\\\n\r]/.exec(path)?.[0];
  // initdb hands its own path to a shell, in double quotes.
  if (sign !== undefined) throw bridgeError('DATA_FOLDER_NAME', { folder: path, sign });
  await mkdir(path, { recursive: true, mode: 0o755 });
  if (runAs) {
    // Its parent may belong to that user, who could have put a link here to have root give something away.
    if (!lstatSync(path).isDirectory())
      throw bridgeError('DATA_FOLDER_NOT_WRITABLE', { folder: path, uid: runAs.uid, reason: 'it is a link' });
    await lchown(path, runAs.uid, runAs.gid);
    requireReachable(path, runAs);
  }
  return realpath(path);
}

/** The server that already runs on this cluster, if it answers. One that does not answer is stopped. */
async function adopt(
  cluster: string,
  log: Logger,
  silentMs: number,
): Promise<{ identity: ProcessIdentity; sockets: string } | null> {
  const identity = findRunningServer(cluster);
  if (identity) {
    const sockets = readPidFile(cluster)?.sockets ?? '';
    // Its pid file names the socket's folder, which another TMPDIR today would put elsewhere.
    if (
      sockets &&
      (await waitUntilReachable(urlOf(sockets, 'postgres'), identity, { withinMs: startWithinMs, silentMs }))
    ) {
      log.info({ pid: identity.pid }, 'adopted the PostgreSQL that an earlier start left');
      return { identity, sockets };
    }
    log.warn({ pid: identity.pid }, 'the PostgreSQL that an earlier start left does not answer; stopping it');
    await stopServer(identity, silentMs);
  }
  const orphans = findOrphans(cluster);
  // No postmaster is left that could be harmed: what they had not written is recovered from the log.
  await Promise.all(orphans.map((orphan) => stopProcess(orphan, { signal: 'SIGQUIT', graceMs: 1_000 })));
  return null;
}

function settingsFor(sockets: string, unsafeFast: boolean): Record<string, string> {
  return {
    listen_addresses: '',
    port: '5432',
    // The value is a list: quotes keep a space or a quote in a folder's name from splitting it.
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    max_connections: '80',
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    logging_collector: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
    ...(unsafeFast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
}

async function launch(place: Place, sockets: string): Promise<ProcessIdentity> {
  const { binaries, cluster, logFile, runAs, settings } = place;
  const out = openLog(logFile);
  const logStart = fstatSync(out).size;
  const stale = readPidFile(cluster);
  const env = serverEnvironment(binaries);
  // PostgreSQL refuses to start while any process has the pid of its pid file, such as a zombie that nobody reaps or a
  // program that got the number later. We know that no server has it, and say so in the way pg_ctl does. The other
  // guard, on the shared memory, stays.
  if (stale) env['PG_GRANDPARENT_PID'] = String(stale.pid);
  // Detached: Ctrl-C in the terminal reaches us alone, and we end the server after everyone who uses it.
  const child = spawn(
    binaries.postgres,
    ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...runAs, cwd: dirname(cluster), env, detached: true, stdio: ['ignore', out, out] },
  );
  closeSync(out);
  let ended = 'it does not answer';
  const exit = new Promise<void>((resolve) => {
    child.on('error', (error) => resolve(void (ended = describeError(error))));
    child.on('exit', (code, signal) => resolve(void (ended = `it ended with ${signal ?? `exit code ${code}`}`)));
  });
  child.unref();
  const identity = child.pid === undefined ? null : identifyProcess(child.pid);
  if (identity && (await waitUntilReachable(urlOf(sockets, 'postgres'), identity, { withinMs: startWithinMs })))
    return identity;
  if (identity) await stopServer(identity, 1_000);
  await exit;
  const tail = (await readFrom(logFile, logStart)).trim().split('\n').slice(-3).join(' / ');
  throw bridgeError('POSTGRES_FAILED', { folder: cluster, reason: `${ended} (${tail})`, log: logFile });
}

/** Opened without following a link: root must not write where the server's user points it. */
function openLog(path: string): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const out = openSync(path, flags, 0o600);
  if (fstatSync(out).size < largestLog) return out;
  closeSync(out);
  renameSync(path, `${path}.1`);
  return openSync(path, flags, 0o600);
}

async function readFrom(path: string, position: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size - position, 8_000);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}

function urlOf(sockets: string, database: string): string {
  return `postgresql://${superuser}@/${encodeURIComponent(database)}?host=${encodeURIComponent(sockets)}&port=5432&sslmode=disable`;
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } catch (error) {
    // Somebody else made it meanwhile: duplicate_database, or unique_violation when both were at it.
    const { code } = error as { code?: string };
    if (code !== '42P04' && code !== '23505') throw error;
  } finally {
    await client.end();
  }
}
