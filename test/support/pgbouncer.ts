import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { findExecutable } from './optional-part.ts';
import { serverUser } from './server-user.ts';
import { freePort } from './ssh-server.ts';

export const pgbouncer = findExecutable('pgbouncer');

/** A real pooler before a database, in one of its modes; gives the URL that clients use. */
export async function startPgbouncer(
  databaseUrl: string,
  mode: 'session' | 'transaction',
): Promise<{ url: string; stop(): Promise<void> }> {
  const { host, port, user, database } = new Client({ connectionString: databaseUrl });
  const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-pooler-'));
  await chmod(folder, 0o755);
  const ownPort = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
${database} = host=${host} port=${port} user=${user} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
logfile = ${join(folder, 'log')}
`,
  );
  // It refuses to be root.
  if (serverUser) await chown(folder, serverUser.uid, serverUser.gid);
  const child = spawn(pgbouncer ?? '', ['-q', file], {
    stdio: 'ignore',
    ...(serverUser ? { uid: serverUser.uid, gid: serverUser.gid } : {}),
  });
  const ended = once(child, 'exit');
  const url = `postgresql://somebody@127.0.0.1:${ownPort}/${database}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries++) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return { url, stop };
    } catch (error) {
      if (child.exitCode !== null || tries > 600) {
        await stop();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
