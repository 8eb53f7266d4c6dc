/**
 * Runs OMERO's importer as a child process, one for many files: paths on stdin, ids from stdout, reasons from stderr.
 * Its exit code proves nothing (0 with failed files); what was imported is told by fileset ids, and finally by OMERO.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';
import { argumentFile, importArguments, refusalOf, startsJava, type ImportArguments } from './command.ts';
import type { FileError } from './importer-log.ts';
import { LogFile } from './log-file.ts';
import { OutputReader, type ImportedFileset } from './output-reader.ts';

export interface ImportRun extends ImportArguments {
  /** Program and its first arguments: `omero import`, or `java … CommandLineImporter`. */
  readonly command: readonly string[];
  readonly paths: readonly string[];
  /** File for everything that the process prints; appended to, mode 0600. */
  readonly logPath: string;
  /** Identity of the process when we are root; null: our own. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** Ends the process and all its children: SIGTERM, then SIGKILL after `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs?: number;
  readonly onProgress?: (fileset: ImportedFileset) => void;
  readonly onStart?: (process: { pid: number }) => void;
}

export interface ImportOutcome {
  /** null when killed, and when no process was started because every path was refused. */
  exitCode: number | null;
  /** Signal that ended the process. */
  killed: string | null;
  filesets: ImportedFileset[];
  errors: FileError[];
  stderrTail: string;
}

/** A grandchild that keeps our pipes open must not keep us. */
const pipesAfterExitMs = 5_000;

/**
 * Imports files; resolves when the process has ended, also after an abort. Throws IMPORT_PROGRAM_NOT_STARTED, and the
 * signal's reason when it was aborted before the start.
 */
export async function runImport(o: ImportRun): Promise<ImportOutcome> {
  o.signal.throwIfAborted();
  const refused = o.paths.flatMap((file) => {
    const reason = refusalOf(file);
    return reason === null ? [] : [{ file, reason }];
  });
  const paths = o.paths.filter((path) => refusalOf(path) === null);
  if (paths.length === 0) return { exitCode: null, killed: null, filesets: [], errors: refused, stderrTail: '' };

  const log = await LogFile.open(o.logPath, [o.sessionKey]);
  const folder = await privateFolder(o.runAs);
  try {
    const outcome = await importPaths(o, paths, log, folder);
    return { ...outcome, errors: [...refused, ...outcome.errors] };
  } finally {
    await log.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function importPaths(o: ImportRun, paths: string[], log: LogFile, folder: string): Promise<ImportOutcome> {
  const child = await start(o, log, folder);
  const killer = killOnAbort(child, o.signal, o.graceMs ?? 10_000);
  try {
    if (child.pid !== undefined) o.onStart?.({ pid: child.pid });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(paths.map((path) => `${path}\n`).join(''));
    const reader = new OutputReader(paths, log, o.onProgress);
    const read = Promise.all([reader.readStdout(child.stdout), reader.readStderr(child.stderr)]);
    const ended = await processEnd(child);
    await read;
    return { ...ended, ...reader.finish() };
  } finally {
    killer.stop();
  }
}

async function start(o: ImportRun, log: LogFile, folder: string): Promise<ChildProcess> {
  const java = startsJava(o.command);
  const [program = '', ...first] = o.command;
  let args = [...first, ...importArguments(o, java)];
  log.line(`${new Date().toISOString()} ${[program, ...args].join(' ')}`);
  if (java) {
    // Every user of the machine can read an argument list; this file only the importer's own identity can.
    const file = join(folder, 'arguments');
    await writeFile(file, argumentFile(args), { mode: 0o600 });
    await giveTo(file, o.runAs);
    args = [`@${file}`];
  }
  const child = spawn(program, args, {
    cwd: folder,
    env: environment(folder, actsAsOther(o.runAs)),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...(actsAsOther(o.runAs) ? { uid: o.runAs?.uid, gid: o.runAs?.gid } : {}),
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
      reject(bridgeError('IMPORT_PROGRAM_NOT_STARTED', { program, reason }, { cause }));
    });
  });
  child.on('error', () => undefined);
  return child;
}

/** A folder of the process's own: OMERO's client would otherwise find, and leave, sessions in the home folder. */
async function privateFolder(runAs: ImportRun['runAs']): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'biomero-bridge-import-'));
  for (const path of [folder, join(folder, 'sessions'), join(folder, 'tmp')]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await giveTo(path, runAs);
  }
  return folder;
}

async function giveTo(path: string, runAs: ImportRun['runAs']): Promise<void> {
  if (runAs && actsAsOther(runAs)) await chown(path, runAs.uid, runAs.gid);
}

function actsAsOther(runAs: ImportRun['runAs']): boolean {
  return runAs !== null && process.getuid?.() === 0;
}

/** Our environment without what the importer need not know; the home of another identity is not ours. */
function environment(folder: string, other: boolean): NodeJS.ProcessEnv {
  const secret = /PASSWORD|PASSWD|SECRET|TOKEN|DB_URL|DATABASE|SQLALCHEMY/i;
  const kept = Object.entries(process.env).filter(([name]) => !secret.test(name));
  return {
    ...Object.fromEntries(kept),
    ...(other ? { HOME: folder } : {}),
    OMERO_USERDIR: folder,
    OMERO_SESSIONDIR: join(folder, 'sessions'),
    OMERO_TMPDIR: join(folder, 'tmp'),
  };
}

/** Ends the whole process group on abort: the `omero` command starts Java as its child. */
function killOnAbort(child: ChildProcess, signal: AbortSignal, graceMs: number): { stop(): void } {
  let force: NodeJS.Timeout | null = null;
  const onAbort = (): void => {
    killGroup(child, 'SIGTERM');
    force = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    stop: () => {
      signal.removeEventListener('abort', onAbort);
      if (force) clearTimeout(force);
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The group has already ended.
  }
}

/** Resolves when the process has ended; what is left of its group is killed, so that nothing goes on unseen. */
function processEnd(child: ChildProcess): Promise<{ exitCode: number | null; killed: string | null }> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      timer = setTimeout(() => {
        killGroup(child, 'SIGKILL');
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, pipesAfterExitMs);
    });
    child.once('close', (exitCode, killed) => {
      clearTimeout(timer);
      killGroup(child, 'SIGKILL');
      resolve({ exitCode, killed });
    });
  });
}
