import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { SlurmConfig } from '../config/config.ts';
import { LocalTransport } from './local.ts';
import { SshTransport } from './ssh.ts';

/**
 * Runs commands where Slurm's commands are: on this machine or on a login node. Commands are argument lists; relative
 * paths start at `config.home` (local) or at the login's home (ssh). A command that ran is an answer whatever its exit
 * code; that the cluster could not be reached is an error (CLUSTER_…), never an exit code.
 */
export interface Transport {
  readonly kind: 'local' | 'ssh';
  /** The cluster's name for people: the host alias, or `this machine`. */
  readonly name: string;
  /**
   * Runs a command to its end. 127 is the exit code of a command that does not exist, 128 + n that of a signal.
   *
   * @throws CLUSTER_UNREACHABLE also when it takes longer than `timeoutMs` (default 30 000)
   */
  exec(argv: string[], options?: ExecOptions): Promise<CommandResult>;
  /** Starts a command whose output is read as it comes, as bytes. Runs as long as its reader likes, unless timed. */
  stream(argv: string[], options?: ExecOptions): CommandStream;
  /** Ends the connection, when there is one. */
  close(): Promise<void>;
}

export interface ExecOptions {
  /** What the command reads; a stream that fails ends the command, with its error. */
  stdin?: string | Buffer | Readable;
  /** Descriptor that the command writes to; `stdout` of its stream is empty then. */
  stdout?: number;
  timeoutMs?: number;
  /** Added to the command's environment, values byte for byte. */
  env?: Record<string, string>;
  signal?: AbortSignal;
}

export interface CommandResult {
  stdout: string;
  stderr: string;
  code: number;
}

export interface CommandStream {
  stdout: Readable;
  /** Resolves once the command has ended and its output was read; `code` is null when it was killed by us. */
  finished: Promise<{ code: number | null; stderr: string }>;
  kill(): void;
}

/** The transport that the configuration asks for. `env` is added to the environment of local commands. */
export function openTransport(config: SlurmConfig, options: { log: Logger; env?: Record<string, string> }): Transport {
  if (config.transport === 'ssh') {
    const configFile = config.sshConfigFile ? { configFile: config.sshConfigFile } : {};
    return new SshTransport({ host: config.host, log: options.log, ...configFile });
  }
  return new LocalTransport({ home: config.home, env: options.env ?? {} });
}
