import { spawn, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import type { CommandResult, CommandStream, ExecOptions } from './transport.ts';

/** Bytes of standard output that `collect` keeps; more means that something else answered than what was asked. */
const outputLimit = 64 * 1024 * 1024;
const stderrLimit = 64 * 1024;
const defaultTimeoutMs = 30_000;
/** A connection shared by ssh may hold standard error open beyond the end of the command. */
const lingerMs = 500;

export interface SpawnOptions extends ExecOptions {
  cwd?: string;
  /** The whole environment. */
  env: Record<string, string>;
}

/** The command could not be started, or was ended by us before it had ended itself. */
export class CommandAborted extends Error {
  readonly why: 'timeout' | 'not started';
  constructor(why: 'timeout' | 'not started', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CommandAborted';
    this.why = why;
  }
}

/** Starts a command in a process group of its own, which `kill`, the signal and the time limit end as a whole. */
export function spawnCommand(argv: readonly string[], options: SpawnOptions): CommandStream {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', options.stdout ?? 'pipe', 'pipe'],
  });
  const stdout = child.stdout ?? Readable.from([]);
  const stderr = keepEnd(child.stderr as Readable, stderrLimit);
  let stopped: Error | null = null;
  const stop = (reason: Error): void => {
    stopped ??= reason;
    killGroup(child);
    letGo(child);
  };
  const onAbort = (): void => stop(asError(options.signal?.reason));
  if (options.signal?.aborted) onAbort();
  else options.signal?.addEventListener('abort', onAbort, { once: true });
  const timer = options.timeoutMs
    ? setTimeout(() => stop(new CommandAborted('timeout', `no end within ${options.timeoutMs} ms`)), options.timeoutMs)
    : null;
  // A command may end without reading what it was given; its exit code tells, not the broken pipe.
  child.stdin?.on('error', () => undefined);
  if (options.stdin instanceof Readable) feed(options.stdin, child, stop);
  else if (options.stdin !== undefined) child.stdin?.end(options.stdin);

  let killed = false;
  const finished = ended(child).then(
    (code) => {
      if (stopped) throw stopped;
      return { code: killed ? null : code, stderr: stderr() };
    },
    (error: unknown) => {
      stdout.destroy();
      throw stopped ?? error;
    },
  );
  const tidy = (): void => {
    if (timer) clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  };
  finished.then(tidy, tidy);
  return {
    stdout,
    finished,
    kill: () => {
      killed = true;
      killGroup(child);
      letGo(child);
    },
  };
}

/** Hands a stream to a command; a source that fails ends the command, a command that ends lets go of the source. */
function feed(source: Readable, child: ChildProcess, stop: (reason: Error) => void): void {
  source.on('error', stop);
  child.stdin?.on('error', () => source.destroy());
  child.once('close', () => source.destroy());
  if (child.stdin) source.pipe(child.stdin);
}

/** Runs a command and keeps its output as bytes. */
export async function collect(stream: CommandStream): Promise<{ bytes: Buffer; stderr: string; code: number }> {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputLimit) chunks.push(chunk);
    else stream.kill();
  });
  const { code, stderr } = await stream.finished;
  if (code === null) throw new Error(`the command wrote more than ${outputLimit} bytes`);
  return { bytes: Buffer.concat(chunks), stderr, code };
}

/** Runs a command to its end within a time limit and returns its output as text. */
export async function runCommand(argv: readonly string[], options: SpawnOptions): Promise<CommandResult> {
  const { bytes, stderr, code } = await collect(spawnCommand(argv, { timeoutMs: defaultTimeoutMs, ...options }));
  return { stdout: bytes.toString('utf8'), stderr, code };
}

/** The exit code once the process has ended and its output was read; a missing command is 127, as in a shell. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let code: number | null = null;
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      reject(new CommandAborted('not started', error.message, { cause: error }));
    });
    child.once('exit', (exit, signal) => {
      code = exit ?? 128 + (signal ? signalNumber(signal) : 0);
      const { stdout } = child;
      const linger = (): void => {
        setTimeout(() => child.stderr?.destroy(), lingerMs).unref();
      };
      if (!stdout || stdout.readableEnded || stdout.destroyed) linger();
      else stdout.once('end', linger).once('close', linger);
    });
    child.once('close', () => resolve(code ?? 0));
  });
}

/** A shared ssh connection holds the pipes of its commands, also of those whose client was killed. */
function letGo(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/** Reads a stream and keeps its last bytes. */
function keepEnd(stream: Readable, limit: number): () => string {
  let kept = Buffer.alloc(0);
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]);
    if (kept.length > limit) kept = kept.subarray(kept.length - limit);
  });
  return () => kept.toString('utf8');
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

function signalNumber(signal: NodeJS.Signals): number {
  return signalNumbers[signal] ?? 0;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('stopped', { cause: reason });
}
