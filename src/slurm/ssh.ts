import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Logger } from 'pino';
import { bridgeError, describeError, isBridgeError, type BridgeError } from '../domain/errors.ts';
import { commandEnvironment } from './environment.ts';
import { quoteForShell } from './quote.ts';
import { cipherOrder } from './ssh-ciphers.ts';
import { CommandAborted, runCommand, spawnCommand, type SpawnOptions } from './spawn-command.ts';
import type { CommandResult, CommandStream, ExecOptions, Transport } from './transport.ts';

/** sshd allows 10 sessions on one connection by default; two stay free for the admin's own use of it. */
const maxSessions = 8;
const connectSeconds = 15;
/** The shared connection stays this long after the last command; also the longest that it outlives a killed worker. */
const persistSeconds = 60;
/** A polled command's usual limit; Slurm's commands themselves give up on their controller after about ten seconds. */
const defaultTimeoutMs = 30_000;

/**
 * 255 is how `ssh` says that it failed itself, but a remote command may end with 255 too (`sbatch` does, for an option
 * it does not know). There it becomes 254, so that 255 always means the connection.
 */
const remoteWrapper = '"$@"; code=$?; [ "$code" -eq 255 ] && code=254; exit "$code"';

export interface SshOptions {
  /** Host alias; everything about it (address, port, user, key, jump hosts) comes from the account's ssh configuration. */
  host: string;
  log: Logger;
  /** Another configuration file than the account's own. */
  configFile?: string;
}

/**
 * Slurm's commands on a login node, through the system's OpenSSH client: one shared connection, no questions asked, host
 * keys always checked against the account's known hosts.
 */
export class SshTransport implements Transport {
  readonly kind = 'ssh';
  readonly name: string;
  readonly #log: Logger;
  readonly #configFile: string | null;
  readonly #limit = pLimit(maxSessions);
  #folder: string | null = null;
  #asked: Promise<void> | null = null;
  #ciphers: string | null = null;
  /** Counts shared connections: a broken one is left to end by itself, and the next command opens another. */
  #connection = 0;

  constructor(options: SshOptions) {
    if (!/^[A-Za-z0-9_.@:[\]][A-Za-z0-9_.@:%[\]-]*$/.test(options.host))
      throw new TypeError(`${JSON.stringify(options.host)} is not the name of a host`);
    this.name = options.host;
    this.#log = options.log;
    this.#configFile = options.configFile ?? null;
  }

  exec(argv: string[], options: ExecOptions = {}): Promise<CommandResult> {
    return this.#limit(async () => {
      options.signal?.throwIfAborted();
      await (this.#asked ??= this.#askForCiphers());
      const connection = this.#connection;
      try {
        const spawn = this.#spawnOptions(options);
        const result = await runCommand(this.#command(argv, options), { timeoutMs: defaultTimeoutMs, ...spawn });
        if (result.code === 255) throw connectionError(this.name, result.stderr);
        return result;
      } catch (error) {
        throw this.#outside(error, connection);
      }
    });
  }

  stream(argv: string[], options: ExecOptions = {}): CommandStream {
    const connection = this.#connection;
    const stream = spawnCommand(this.#command(argv, options), this.#spawnOptions(options));
    const finished = stream.finished.then(
      (end) => {
        if (end.code !== 255) return end;
        throw this.#outside(connectionError(this.name, end.stderr), connection);
      },
      (error: unknown) => {
        throw this.#outside(error, connection);
      },
    );
    finished.catch(() => undefined);
    return { ...stream, finished };
  }

  async close(): Promise<void> {
    const folder = this.#folder;
    if (folder === null) return;
    this.#folder = null;
    const argv = ['ssh', ...this.#options(folder), '-O', 'exit', '--', this.name];
    await runCommand(argv, this.#spawnOptions({ timeoutMs: 5000 })).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }

  async #askForCiphers(): Promise<void> {
    this.#ciphers = await cipherOrder(this.name, this.#configFile, this.#spawnOptions({ timeoutMs: 5000 }));
  }

  #command(argv: readonly string[], options: ExecOptions): string[] {
    const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    const words = variables.length ? ['env', ...variables, ...argv] : argv;
    const remote = quoteForShell(['sh', '-c', remoteWrapper, 'sh', ...words]);
    return ['ssh', ...this.#options(this.#controlFolder()), '-T', '--', this.name, remote];
  }

  #options(folder: string): string[] {
    const options = {
      BatchMode: 'yes',
      StrictHostKeyChecking: 'yes',
      ConnectTimeout: connectSeconds,
      ServerAliveInterval: 10,
      ServerAliveCountMax: 3,
      ControlMaster: 'auto',
      ControlPersist: persistSeconds,
      ControlPath: join(folder, String(this.#connection)),
      ClearAllForwardings: 'yes',
      ForwardAgent: 'no',
      ForwardX11: 'no',
      PermitLocalCommand: 'no',
      RemoteCommand: 'none',
      LogLevel: 'ERROR',
      ...(this.#ciphers === null ? {} : { Ciphers: this.#ciphers }),
    };
    const file = this.#configFile === null ? [] : ['-F', this.#configFile];
    return [...file, ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  }

  /** Private and short: a socket's path has room for about 100 bytes, of which ssh uses 17 for a name of its own. */
  #controlFolder(): string {
    if (this.#folder !== null) return this.#folder;
    const long = join(tmpdir(), 'bb-ssh-XXXXXX', '0'.repeat(6)).length + 17 > 100;
    this.#folder = mkdtempSync(join(long ? '/tmp' : tmpdir(), 'bb-ssh-'));
    chmodSync(this.#folder, 0o700);
    return this.#folder;
  }

  #spawnOptions(options: ExecOptions): SpawnOptions {
    return { ...options, env: commandEnvironment(process.env) };
  }

  /** Turns what happened outside into an error for people; after a broken or silent connection the next one is new. */
  #outside(error: unknown, connection: number): unknown {
    const outside =
      error instanceof CommandAborted
        ? bridgeError('CLUSTER_UNREACHABLE', { cluster: this.name, reason: error.message }, { cause: error })
        : error;
    if (isBridgeError(outside) && connection === this.#connection) {
      this.#connection++;
      this.#log.warn({ cluster: this.name, error: describeError(outside) }, 'the connection to the cluster failed');
    }
    return outside;
  }
}

/** What `ssh` itself complained about, from its standard error. */
function connectionError(cluster: string, stderr: string): BridgeError {
  const lines = stderr.split('\n').map((line) => line.trim());
  const reason =
    lines
      .filter((line) => line && !/^@+|^\*+/.test(line))
      .slice(-3)
      .join(' ') || 'the connection was lost';
  if (/host key verification failed|REMOTE HOST IDENTIFICATION|No .* host key is known/i.test(stderr))
    return bridgeError('CLUSTER_HOST_KEY_REFUSED', { cluster, reason });
  if (/permission denied|too many authentication failures/i.test(stderr))
    return bridgeError('CLUSTER_SIGN_IN_REFUSED', { cluster, reason });
  return bridgeError('CLUSTER_UNREACHABLE', { cluster, reason });
}
