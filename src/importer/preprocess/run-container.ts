import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { bridgeError } from '../../domain/errors.ts';
import type { ContainerConfig } from '../../config/config.ts';
import { environmentForOthers } from '../../lib/child-environment.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../lib/process-identity.ts';
import { LogFile } from '../../omero/agent/log-file.ts';
import { containerCommands, runtimeOf, type ContainerRun } from './container-command.ts';

export interface ContainerEnd {
  exitCode: number | null;
  killed: string | null;
  /** It took longer than it may. */
  late: boolean;
  /** The last lines of its standard output, and of all that it said. */
  output: string[];
  tail: string[];
}

const keptLines = 200;
/** A line that is longer is cut: nobody reads it, and a list of files is shorter. */
const longestLine = 4 << 20;
const graceMs = 3_000;
/** Of the runtime itself, before the container's program began. */
const runtimeFailures = { podman: [125, 126, 127], apptainer: [255] } as const;

/**
 * Runs a container to its end. Nothing of it is left afterwards, however that came: it is removed by its name before and
 * after. Everything it says goes to the log.
 *
 * @throws the signal's reason; CONTAINER_NOT_STARTED when the runtime could not run it; IMPORT_LOG_NOT_WRITABLE
 */
export async function runContainer(
  settings: ContainerConfig,
  run: ContainerRun,
  o: { logPath: string; signal: AbortSignal; onStart?: (process: ProcessIdentity) => void },
): Promise<ContainerEnd> {
  const commands = containerCommands(settings, run);
  const log = await LogFile.open(o.logPath, []);
  try {
    await remove(commands.remove);
    o.signal.throwIfAborted();
    const end = await follow(commands.run, settings.seconds, log, o);
    o.signal.throwIfAborted();
    const codes: readonly number[] = runtimeFailures[runtimeOf(settings.command)];
    if (!end.late && end.exitCode !== null && codes.includes(end.exitCode) && end.output.length === 0)
      throw bridgeError('CONTAINER_NOT_STARTED', { image: run.image, reason: lastWords(end.tail) });
    return end;
  } finally {
    await remove(commands.remove);
    await log.close();
  }
}

async function follow(
  argv: readonly string[],
  seconds: number,
  log: LogFile,
  { signal, onStart }: { signal: AbortSignal; onStart?: (process: ProcessIdentity) => void },
): Promise<ContainerEnd> {
  const [program = '', ...args] = argv;
  log.line(`# ${JSON.stringify(argv)}`);
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: environmentForOthers(),
  });
  await started(child, program);
  const identity = child.pid === undefined ? null : identifyProcess(child.pid);
  if (identity) onStart?.(identity);
  const said = { output: [] as string[], tail: [] as string[] };
  readLines(child.stdout, (line) => {
    keep(said.output, line);
    keep(said.tail, line);
    log.line(line);
  });
  readLines(child.stderr, (line) => {
    keep(said.tail, line);
    log.line(line);
  });
  let late = false;
  let force: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child, identity, 'SIGTERM');
    force ??= setTimeout(() => signalGroup(child, identity, 'SIGKILL'), graceMs);
  };
  const limit = setTimeout(() => {
    late = true;
    end();
  }, seconds * 1000);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  const [exitCode, killed] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (code, name) => resolve([code, name]));
  });
  clearTimeout(limit);
  clearTimeout(force);
  signal.removeEventListener('abort', end);
  log.line(`# ended: ${killed ?? `exit code ${exitCode}`}${late ? ', it took too long' : ''}`);
  return { exitCode, killed, late, ...said };
}

async function started(child: ChildProcess, program: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
      reject(bridgeError('CONTAINER_RUNTIME_MISSING', { program, reason }, { cause }));
    });
  });
  child.on('error', () => undefined);
}

function readLines(stream: Readable, each: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => each(line.slice(0, longestLine)));
}

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > keptLines) lines.shift();
}

/** The group may have ended, and its number be another's by now. */
function signalGroup(child: ChildProcess, identity: ProcessIdentity | null, signal: NodeJS.Signals): void {
  if (child.pid === undefined || !identity || !isAlive(identity)) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}

/** A container of this name that is left from before, or was not removed by itself. */
async function remove(argv: readonly string[] | null): Promise<void> {
  if (!argv) return;
  const [program = '', ...args] = argv;
  await new Promise<void>((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', env: environmentForOthers() });
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    // Whether the runtime can be started is told by the run itself.
    child.once('error', end);
    child.once('close', end);
  });
}

/** The last lines that say something, for people. */
export function lastWords(lines: readonly string[], count = 3): string {
  const spoken = lines.map((line) => line.trim()).filter((line) => line !== '');
  return spoken.slice(-count).join(' / ').slice(0, 600).replace(/\.+$/, '') || 'it printed nothing';
}
