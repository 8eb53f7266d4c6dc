/**
 * Runs OMERO's importer as a child process, one for many files: paths on stdin, ids from stdout, reasons from stderr.
 * Its exit code proves nothing (0 with failed files); what was imported is told by fileset ids, and finally by OMERO.
 */
import { rm } from 'node:fs/promises';
import { argumentFile, importArguments, javaOptions, refusalOf, startsJava, type ImportArguments } from './command.ts';
import { ImportChild, importIdentity, type Identity } from './import-child.ts';
import type { FileError } from './importer-log.ts';
import { LogFile } from './log-file.ts';
import { OutputReader, type ImportedFileset } from './output-reader.ts';
import { PrivateFolder } from './private-folder.ts';

export interface ImportRun extends ImportArguments {
  /** Program and its first arguments: `omero import`, or `java … CommandLineImporter`. */
  readonly command: readonly string[];
  readonly paths: readonly string[];
  /** File for everything that the process prints; appended to, mode 0600. */
  readonly logPath: string;
  /** Identity of the process when we are root, who must not be root too; else null. */
  readonly runAs: Identity | null;
  /** Most memory of Java, such as `1g`; null or absent: as the command says. */
  readonly memory?: string | null;
  /** Ends the process and all its children: SIGTERM, then SIGKILL after `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs?: number;
  /** Called at every line that the process prints. */
  readonly onOutput?: () => void;
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

/**
 * Imports files; resolves when the process has ended, also after an abort. Throws IMPORT_AS_ROOT,
 * IMPORT_LOG_NOT_WRITABLE, IMPORT_PROGRAM_NOT_STARTED, and the signal's reason when it was aborted before the start.
 */
export async function runImport(o: ImportRun): Promise<ImportOutcome> {
  o.signal.throwIfAborted();
  const identity = importIdentity(o.runAs);
  const refused = o.paths.flatMap((file) => {
    const reason = refusalOf(file);
    return reason === null ? [] : [{ file, reason }];
  });
  const paths = o.paths.filter((path) => refusalOf(path) === null);
  if (paths.length === 0) return { exitCode: null, killed: null, filesets: [], errors: refused, stderrTail: '' };

  const log = await LogFile.open(o.logPath, [o.sessionKey]);
  let folder: PrivateFolder | null = null;
  try {
    folder = await PrivateFolder.make(identity);
    const outcome = await importPaths(o, identity, paths, log, folder);
    return { ...outcome, errors: [...refused, ...outcome.errors] };
  } finally {
    await log.close();
    await folder?.remove();
  }
}

async function importPaths(
  o: ImportRun,
  identity: Identity | null,
  paths: string[],
  log: LogFile,
  folder: PrivateFolder,
): Promise<ImportOutcome> {
  const { command, keyFile } = await fullCommand(o, log, folder);
  const child = await ImportChild.start(command, { folder: folder.path, identity, memory: o.memory ?? null });
  const killer = child.endOnAbort(o.signal, o.graceMs ?? 10_000);
  const { pid, stdin, stdout, stderr } = child.process;
  try {
    if (pid !== undefined) o.onStart?.({ pid });
    stdin?.on('error', () => undefined);
    stdin?.end(paths.map((path) => `${path}\n`).join(''));
    const reader = new OutputReader(paths, log, {
      onProgress: o.onProgress,
      onFirstLine: () => forget(keyFile),
      onLine: o.onOutput,
    });
    const read = Promise.all([reader.readStdout(stdout), reader.readStderr(stderr)]);
    const ended = await child.end();
    await read;
    return { ...ended, ...reader.finish() };
  } finally {
    killer.stop();
  }
}

/** The command to start, and the file with the session key that it reads first; null when the key is in the command. */
async function fullCommand(
  o: ImportRun,
  log: LogFile,
  folder: PrivateFolder,
): Promise<{ command: string[]; keyFile: string | null }> {
  const [program = '', ...first] = o.command;
  const java = startsJava(o.command);
  const options = java ? javaOptions({ folder: folder.path, memory: o.memory ?? null }) : [];
  const args = [...options, ...first, ...importArguments(o, java)];
  log.line(`${new Date().toISOString()} ${[program, ...args].join(' ')}`);
  if (!java) return { command: [program, ...args], keyFile: null };
  // Every user of the machine can read an argument list; this file only the importer's own identity can.
  const keyFile = await folder.writeArguments(argumentFile(args));
  return { command: [program, `@${keyFile}`], keyFile };
}

function forget(keyFile: string | null): void {
  // What cannot be removed now goes with its folder.
  if (keyFile !== null) rm(keyFile, { force: true }).catch(() => undefined);
}
