import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Measured {
  /** Wall time in seconds. */
  seconds: number;
  /** Most resident memory of the process itself in bytes, looked at every 20 ms. */
  peakBytes: number;
  stdout: string;
}

const running = new Set<ChildProcess>();

/** Ends what is being measured, when the benchmark is interrupted. */
export function endCommands(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Runs a command to its end; an exit code other than 0 is an error with what it said. */
export async function measureCommand(argv: readonly string[], options: SpawnOptions = {}): Promise<Measured> {
  const [command = '', ...args] = argv;
  const started = performance.now();
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  let peakBytes = 0;
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const look = setInterval(() => (peakBytes = Math.max(peakBytes, peakOf(child.pid))), 20);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${(stderr || stdout).slice(-2000)}`);
    return { seconds: (performance.now() - started) / 1000, peakBytes, stdout };
  } finally {
    clearInterval(look);
    running.delete(child);
  }
}

function peakOf(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** The machine in one line, for the head of a table. */
export function machineLine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${memory} GiB, Linux ${process.platform === 'linux' ? kernel() : '-'}, Node ${process.versions.node}`;
}

function kernel(): string {
  return readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
}

export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...body.map(line)].join('\n');
}
