import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bridgeError, describeError } from '../../domain/errors.ts';
import { syncFolder } from '../../lib/sync-folder.ts';
import { serverEnvironment, type PostgresBinaries } from './binaries.ts';

/** The database user that everything connects as. */
export const superuser = 'biomero';

const run = promisify(execFile);

/**
 * Makes a cluster unless it is there. It is made under another name and renamed: an interrupted initdb leaves nothing
 * that looks like a database, and the next start clears what it left.
 *
 * @throws POSTGRES_FAILED, POSTGRES_VERSION_DIFFERS
 */
export async function ensureCluster(
  cluster: string,
  binaries: PostgresBinaries,
  options: { runAs: { uid: number; gid: number } | null; log: string; sync: boolean },
): Promise<void> {
  if (!existsSync(cluster)) await initialise(cluster, binaries, options);
  const found = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    throw bridgeError(
      'POSTGRES_FAILED',
      { folder: cluster, reason: `it is no database (${describeError(error)})`, log: options.log },
      { cause: error },
    );
  });
  if (found.trim() !== binaries.major)
    throw bridgeError('POSTGRES_VERSION_DIFFERS', { folder: cluster, found: found.trim(), ours: binaries.major });
}

async function initialise(
  cluster: string,
  binaries: PostgresBinaries,
  options: Parameters<typeof ensureCluster>[2],
): Promise<void> {
  const parent = dirname(cluster);
  // A name of its own for each attempt: the initdb of a start that was killed may still be writing into the last one.
  const partial = `${cluster}.partial-${randomBytes(4).toString('hex')}`;
  for (const name of await readdir(parent))
    if (name.startsWith('cluster.partial'))
      await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  try {
    await run(
      binaries.initdb,
      [
        '-D',
        partial,
        '-U',
        superuser,
        '--encoding=UTF8',
        '--no-locale',
        // The socket's folder is closed to everybody else, which leaves no one to ask for a password; a password would
        // only be one more secret to keep. Should somebody open a port by hand, nobody gets in there.
        '--auth-local=trust',
        '--auth-host=reject',
        ...(options.sync ? [] : ['--no-sync']),
      ],
      { ...options.runAs, cwd: parent, env: serverEnvironment(binaries) },
    );
    await rename(partial, cluster).catch((error: unknown) => {
      if (!existsSync(join(cluster, 'PG_VERSION'))) throw error;
    });
    await syncFolder(parent);
  } catch (error) {
    throw bridgeError(
      'POSTGRES_FAILED',
      { folder: cluster, reason: outputOf(error), log: options.log },
      { cause: error },
    );
  } finally {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
  }
}

function outputOf(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr ? stderr.split('\n').slice(-2).join(' / ') : describeError(error);
}
