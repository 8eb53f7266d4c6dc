import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { quoteForShell } from '../../src/slurm/quote.ts';
import { findExecutable } from './optional-part.ts';

const sshd = findExecutable('sshd');
export const sshIsInstalled = sshd !== null && findExecutable('ssh') !== null && findExecutable('ssh-keygen') !== null;

export interface SshServer {
  folder: string;
  port: number;
  /** Writes an ssh configuration with the alias `cluster` for the server. */
  configFile(options?: { port?: number; knownHosts?: string; identity?: string }): Promise<string>;
  /** Commands and connections that it has served. */
  served(): Promise<{ commands: number; connections: number }>;
  /** The end of what it has said. */
  said(): string;
  /** Ends the server and every connection to it, as when the login node goes down. */
  kill(): Promise<void>;
  /** Starts it again on its port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A real sshd of our own on the loopback interface, and an account's ssh configuration for it. With a `home`, logins
 * start there instead of in the home of whoever runs the tests; `env` is added to what they find, `settings` to its
 * configuration.
 */
export async function startSshServer(
  options: { home?: string; env?: Record<string, string>; settings?: string[] } = {},
): Promise<SshServer> {
  const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-sshd-'));
  for (const name of ['host', 'user', 'stranger'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)], { stdio: 'inherit' });
  await writeFile(join(folder, 'authorized_keys'), await readFile(join(folder, 'user.pub'), 'utf8'));
  const port = await freePort();
  const login = join(folder, 'login');
  const tally = join(folder, 'commands');
  await writeFile(tally, '');
  let connections = 0;
  const env = Object.entries({ ...options.env, ...(options.home && { HOME: options.home }) });
  await writeFile(
    login,
    `#!/bin/sh\n${env.map(([name, value]) => `export ${quoteForShell([`${name}=${value}`])}\n`).join('')}` +
      `echo >>${quoteForShell([tally])}\ncd "$HOME" && exec sh -c "$SSH_ORIGINAL_COMMAND"\n`,
    { mode: 0o755 },
  );
  await writeFile(
    join(folder, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${folder}/host`,
      `PidFile ${folder}/pid`,
      `AuthorizedKeysFile ${folder}/authorized_keys`,
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      // Before the shell starts: what it reads at its start is not to be that of whoever runs the tests.
      ...(options.home ? [`SetEnv "HOME=${options.home}"`] : []),
      ...(options.settings ?? []),
      // Debian's place; elsewhere there is just no sftp.
      'Subsystem sftp /usr/lib/openssh/sftp-server',
      ...(env.length ? [`ForceCommand ${login}`] : []),
      '',
    ].join('\n'),
  );
  // sshd of root wants its folder for unprivileged children; it is made at boot where sshd is a service.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const known = join(folder, 'known_hosts');
  await writeFile(known, `[127.0.0.1]:${port} ${(await readFile(join(folder, 'host.pub'), 'utf8')).trim()}\n`);

  let daemon: ChildProcess | null = null;
  let said = '';
  const start = async (): Promise<void> => {
    const child = spawn(sshd ?? '', ['-D', '-e', '-f', join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    daemon = child;
    said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      connections += chunk.toString().split('Accepted publickey').length - 1;
      said = (said + chunk.toString()).slice(-10_000);
    });
    while (!/listening/i.test(said)) {
      if (child.exitCode !== null) throw new Error(`sshd ended: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const kill = async (): Promise<void> => {
    const child = daemon;
    daemon = null;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    // Connections live in processes of their own, which outlive the one that listens.
    for (const pid of descendants(child.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        continue;
      }
    }
    await once(child, 'exit');
  };
  await start();

  let files = 0;
  return {
    folder,
    port,
    configFile: async (change = {}) => {
      const path = join(folder, `config-${++files}`);
      const text = `Host cluster
  HostName 127.0.0.1
  HostKeyAlias [127.0.0.1]:${port}
  Port ${change.port ?? port}
  User ${userInfo().username}
  IdentityFile ${change.identity ?? join(folder, 'user')}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${change.knownHosts ?? known}
  StrictHostKeyChecking no
`;
      await writeFile(path, text);
      await chmod(path, 0o600);
      return path;
    },
    served: async () => ({ commands: (await readFile(tally, 'utf8')).length, connections }),
    said: () => said,
    kill,
    start,
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** sshd's own processes of the connections, and itself first; not what logins have started. */
function descendants(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  const rows = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , command]) => command?.startsWith('sshd'));
  const found = [pid];
  for (const parent of found)
    for (const [child, of] of rows)
      if (Number(of) === parent && !found.includes(Number(child))) found.push(Number(child));
  return found;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
