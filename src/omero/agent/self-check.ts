/**
 * Whether this machine can import in place: the import program with its Java and jars, and OMERO's managed repository
 * as the import process sees it. Nothing of OMERO's is changed.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../domain/errors.ts';
import { startsJava } from './command.ts';
import { importEnvironment, importIdentity, type Identity } from './import-child.ts';
import { PrivateFolder } from './private-folder.ts';

/** What was found: in words, and what to do when it is no good. */
export interface Finding {
  readonly outcome: 'passed' | 'warning' | 'failed';
  readonly detail: string;
  readonly remedy?: string;
}

/** The first Java that takes its arguments from a file, which keeps the session key out of sight. */
const oldestJava = 9;
const answerWithinMs = 60_000;

/** Starts the import program without work to do: `java -version`, then the importer's own help. */
export async function checkImportProgram(o: {
  readonly command: readonly string[];
  readonly runAs: Identity | null;
}): Promise<Finding> {
  const identity = importIdentity(o.runAs);
  const folder = await PrivateFolder.make(identity);
  try {
    return startsJava(o.command)
      ? await checkJava(o.command, folder.path, identity)
      : await checkOther(o.command, folder.path, identity);
  } finally {
    await folder.remove();
  }
}

async function checkJava(command: readonly string[], folder: string, identity: Identity | null): Promise<Finding> {
  const [java = 'java', ...rest] = command;
  const asked = await answerOf([java, '-version'], folder, identity);
  if (asked.error !== null)
    return {
      outcome: 'failed',
      detail: `${java} cannot be started (${asked.error}).`,
      remedy:
        'Install a Java runtime, 11 or newer, on the machine of the importer, or name it in BIOMERO_BRIDGE_IMPORT_COMMAND.',
    };
  const version = /version "([^"]+)"/.exec(asked.text)?.[1] ?? 'of unknown version';
  if (majorOf(version) < oldestJava)
    return {
      outcome: 'failed',
      detail: `Java ${version} is too old: it cannot read its arguments from a file.`,
      remedy: 'Install Java 11 or newer.',
    };
  const help = await answerOf([java, '-Djava.awt.headless=true', ...rest, '-h'], folder, identity);
  if (help.error !== null || /Could not find or load main class|ClassNotFoundException/.test(help.text)) {
    const jars = rest[rest.indexOf('-cp') + 1] ?? '';
    return {
      outcome: 'failed',
      detail: `Java ${version} did not find OMERO's importer${jars ? ` in ${jars}` : ''}.`,
      remedy:
        'Set BIOMERO_BRIDGE_IMPORT_JARS to the folder lib/client of an OMERO.server of the server\'s version, readable by the import process; or use OMERO\'s command line: BIOMERO_BRIDGE_IMPORT_COMMAND=["omero","import"].',
    };
  }
  return { outcome: 'passed', detail: `Java ${version} with OMERO's importer; the session key stays out of sight.` };
}

async function checkOther(command: readonly string[], folder: string, identity: Identity | null): Promise<Finding> {
  const name = command.join(' ');
  const help = await answerOf([...command, '--help'], folder, identity);
  if (help.error !== null || help.code === 127)
    return {
      outcome: 'failed',
      detail: `${name} cannot be started (${help.error ?? help.text.trim().split('\n').at(-1)}).`,
      remedy: 'Install the OMERO command line client, or correct BIOMERO_BRIDGE_IMPORT_COMMAND.',
    };
  return {
    outcome: 'warning',
    detail: `${name} can be started, but shows the session key to every user of this machine while it imports.`,
    remedy:
      'Leave BIOMERO_BRIDGE_IMPORT_COMMAND unset and set BIOMERO_BRIDGE_IMPORT_JARS: then Java gets the key in a file.',
  };
}

/** Whether OMERO's managed repository is here, at the path that the server names, and can be written as it must be. */
export async function checkManagedRepository(path: string, runAs: Identity | null): Promise<Finding> {
  const ownUid = process.getuid?.() ?? -1;
  const identity = ownUid === 0 ? runAs : null;
  const uid = identity?.uid ?? ownUid;
  const remedy = `Mount the managed repository of the OMERO server on this machine at the same path, ${path}, for reading and writing.`;
  let owner: Identity;
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return { outcome: 'failed', detail: `${path} is no folder.`, remedy };
    owner = (await newestOwner(path)) ?? found;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const detail = missing
      ? `OMERO keeps its files in ${path}, which is not there on this machine.`
      : describeError(error);
    return { outcome: 'failed', detail, remedy };
  }
  const asOwner = `Run the importer as uid ${owner.uid}; or run it as root with BIOMERO_BRIDGE_IMPORT_RUN_AS=${owner.uid}:${owner.gid}.`;
  if (!(await canWrite(path, identity)))
    return {
      outcome: 'failed',
      detail: `uid ${uid} cannot write in ${path}; it belongs to uid ${owner.uid}.`,
      remedy: asOwner,
    };
  if (owner.uid !== uid || uid === 0)
    return {
      outcome: 'failed',
      detail: `Imports would run as uid ${uid}, but the files in ${path} belong to uid ${owner.uid}.`,
      remedy: asOwner,
    };
  return { outcome: 'passed', detail: `${path} is here and can be written as uid ${uid}, as OMERO's own files are.` };
}

/** The owner of what OMERO wrote last there: the folder itself may be of another one. */
async function newestOwner(path: string): Promise<Identity | null> {
  let newest: (Identity & { readonly mtimeMs: number }) | null = null;
  for (const name of (await readdir(path)).slice(0, 1000)) {
    if (name.startsWith('.')) continue;
    const entry = await stat(join(path, name)).catch(() => null);
    if (entry?.isDirectory() && entry.mtimeMs > (newest?.mtimeMs ?? -1)) newest = entry;
  }
  return newest;
}

async function canWrite(path: string, identity: Identity | null): Promise<boolean> {
  if (!identity)
    return access(path, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
  const { error, code } = await answerOf(['test', '-w', path, '-a', '-x', path], '/', identity);
  return error === null && code === 0;
}

interface Answer {
  readonly code: number | null;
  /** Both outputs. */
  readonly text: string;
  /** Why the program did not start, or did not end in time. */
  readonly error: string | null;
}

function answerOf(command: readonly string[], folder: string, identity: Identity | null): Promise<Answer> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    let text = '';
    const child = spawn(program, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: importEnvironment(folder, identity !== null, null),
      timeout: answerWithinMs,
      killSignal: 'SIGKILL',
      ...(identity ? { uid: identity.uid, gid: identity.gid } : {}),
    });
    const add = (chunk: Buffer): void => void (text = `${text}${chunk.toString('utf8')}`.slice(0, 65_536));
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', (error) =>
      resolve({ code: null, text, error: (error as NodeJS.ErrnoException).code ?? error.message }),
    );
    child.on('close', (code, killed) =>
      resolve({ code, text, error: killed === null ? null : `it did not end in ${answerWithinMs / 1000} s` }),
    );
  });
}

/** 8 of `1.8.0_392`, 17 of `17.0.15`; a version that cannot be read counts as new. */
function majorOf(version: string): number {
  const [, first = '', second = ''] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  if (first === '') return Number.POSITIVE_INFINITY;
  return Number(first === '1' ? second : first);
}
