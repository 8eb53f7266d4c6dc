import { existsSync } from 'node:fs';
import { bridgeError, describeError } from '../domain/errors.ts';
import { commandEnvironment } from './environment.ts';
import { CommandAborted, runCommand, spawnCommand } from './spawn-command.ts';
import type { CommandResult, CommandStream, ExecOptions, Transport } from './transport.ts';

/** Slurm's commands on this machine: the quick start, or a worker that runs on the login node itself. */
export class LocalTransport implements Transport {
  readonly kind = 'local';
  readonly name = 'this machine';
  readonly #home: string | null;
  readonly #env: Record<string, string>;

  /** `home`: where relative paths start; null: our own working folder. `env` wins over what commands inherit. */
  constructor(options: { home: string | null; env: Record<string, string> }) {
    this.#home = options.home;
    this.#env = commandEnvironment(process.env, options.env);
  }

  async exec(argv: string[], options: ExecOptions = {}): Promise<CommandResult> {
    try {
      return await runCommand(argv, this.#spawnOptions(options));
    } catch (error) {
      return this.#asResult(argv, error);
    }
  }

  stream(argv: string[], options: ExecOptions = {}): CommandStream {
    const stream = spawnCommand(argv, this.#spawnOptions(options));
    const finished = stream.finished.catch((error: unknown) => this.#asResult(argv, error));
    finished.catch(() => undefined);
    return { ...stream, finished };
  }

  async close(): Promise<void> {}

  #spawnOptions(options: ExecOptions): ExecOptions & { cwd?: string; env: Record<string, string> } {
    const env = { ...this.#env, ...options.env };
    return { ...options, env, ...(this.#home === null ? {} : { cwd: this.#home }) };
  }

  #asResult(argv: readonly string[], error: unknown): CommandResult {
    if (!(error instanceof CommandAborted)) throw error;
    const code = ((error.cause ?? {}) as NodeJS.ErrnoException).code;
    const homeMissing = this.#home !== null && !existsSync(this.#home);
    if (error.why === 'not started' && !homeMissing && (code === 'ENOENT' || code === 'EACCES'))
      return { stdout: '', stderr: `${argv[0]}: ${describeError(error)}`, code: code === 'ENOENT' ? 127 : 126 };
    const reason = homeMissing ? `its home folder ${this.#home} is not there` : `${argv[0]}: ${error.message}`;
    throw bridgeError('CLUSTER_UNREACHABLE', { cluster: this.name, reason }, { cause: error });
  }
}
