import type { ChildProcess } from 'node:child_process';
import type { ExecOptions, ExecResult, StreamResult } from './transport.ts';

/** More than any answer of Slurm needs; a command that prints beyond it is ended. */
const largestOutput = 64 * 1024 * 1024;
const stderrTail = 16 * 1024;

export const defaultTimeoutMs = 30_000;

/** Feeds a child its input and gathers its output until it ends. Ends it at the time-out or when the signal aborts. */
export function collect(child: ChildProcess, options: ExecOptions): Promise<ExecResult & { timedOut: boolean }> {
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let length = 0;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? defaultTimeoutMs);
    const onAbort = (): void => {
      child.kill('SIGKILL');
    };
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const finish = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > largestOutput) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (err.length < 1000) err.push(chunk);
    });
    // A command may end before it has read its input; its exit code says what that means.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.stdin ?? '');
    child.on('error', (error) => {
      finish();
      reject(error);
    });
    child.on('close', (code) => {
      finish();
      if (options.signal?.aborted) return reject(options.signal.reason);
      resolve({
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8').slice(-stderrTail).trim(),
        code: code ?? -1,
        timedOut,
      });
    });
  });
}

/** The child's output as a stream, with its end. */
export function streamOf(child: ChildProcess, signal: AbortSignal | undefined): StreamResult {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-stderrTail)));
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  signal?.addEventListener('abort', kill, { once: true });
  const finished = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    let failure = '';
    child.on('error', (error) => (failure = error.message));
    child.on('close', (code) => {
      signal?.removeEventListener('abort', kill);
      resolve({ code, stderr: (stderr || failure).trim() });
    });
  });
  if (!child.stdout) throw new Error('the command was started without an output pipe');
  return { stdout: child.stdout, finished, kill };
}
