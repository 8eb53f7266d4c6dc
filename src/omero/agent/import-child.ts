/** The import process: how it is started apart from us, and ended with all its children. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { bridgeError } from '../../domain/errors.ts';
import { environmentForOthers } from '../../lib/child-environment.ts';
import { signalGroup } from '../../lib/process-group.ts';
import { identifyProcess, type ProcessIdentity } from '../../lib/process-identity.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** A grandchild that keeps our pipes open must not keep us. */
const pipesAfterExitMs = 5_000;

/** Who the import process is: another identity only when we are root. Throws IMPORT_AS_ROOT. */
export function importIdentity(runAs: Identity | null): Identity | null {
  if (process.getuid?.() !== 0) return null;
  if (runAs === null || runAs.uid === 0) throw bridgeError('IMPORT_AS_ROOT', {});
  return runAs;
}

export class ImportChild {
  readonly process: ChildProcess;
  readonly #identity: ProcessIdentity | null;

  private constructor(child: ChildProcess) {
    this.process = child;
    this.#identity = child.pid === undefined ? null : identifyProcess(child.pid);
  }

  /** Starts a program as leader of a group of its own. Throws IMPORT_PROGRAM_NOT_STARTED. */
  static async start(
    [program = '', ...args]: readonly string[],
    o: { folder: string; identity: Identity | null; memory: string | null },
  ): Promise<ImportChild> {
    const child = spawn(program, args, {
      cwd: o.folder,
      env: importEnvironment(o.folder, o.identity !== null, o.memory),
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      ...(o.identity ? { uid: o.identity.uid, gid: o.identity.gid } : {}),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
        reject(bridgeError('IMPORT_PROGRAM_NOT_STARTED', { program, reason }, { cause }));
      });
    });
    child.on('error', () => undefined);
    return new ImportChild(child);
  }

  /** Ends the group on abort: SIGTERM, then SIGKILL after `graceMs`. */
  endOnAbort(signal: AbortSignal, graceMs: number): { stop(): void } {
    let force: NodeJS.Timeout | null = null;
    const onAbort = (): void => {
      this.#signalGroup('SIGTERM');
      force = setTimeout(() => this.#signalGroup('SIGKILL'), graceMs);
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

  /** Resolves when the process has ended; what is left of its group is killed, so that nothing goes on unseen. */
  end(): Promise<{ exitCode: number | null; killed: string | null }> {
    const child = this.process;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      child.once('exit', () => {
        timer = setTimeout(() => {
          this.#signalGroup('SIGKILL');
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, pipesAfterExitMs);
      });
      child.once('close', (exitCode, killed) => {
        clearTimeout(timer);
        this.#signalGroup('SIGKILL');
        resolve({ exitCode, killed });
      });
    });
  }

  /** The `omero` command starts Java as its child: the whole group is meant. */
  #signalGroup(signal: NodeJS.Signals): void {
    if (this.#identity) signalGroup(this.#identity, signal);
  }
}

/** Our environment without what the importer need not know; the home of another identity is not ours. */
export function importEnvironment(folder: string, other: boolean, memory: string | null): NodeJS.ProcessEnv {
  const kept = environmentForOthers();
  const locale = kept['LC_ALL'] || kept['LC_CTYPE'] || kept['LANG'] || '';
  return {
    ...kept,
    ...(other ? { HOME: folder } : {}),
    // The `omero` command gives Java 1 GB, and takes these options after its own.
    ...(memory === null ? {} : { JAVA_OPTS: `${kept['JAVA_OPTS'] ?? ''} -Xmx${memory}`.trim() }),
    // Without a UTF-8 locale, as services often run, Java takes paths for ASCII and finds no other file.
    ...(/utf-?8/i.test(locale) ? {} : { LC_ALL: 'C.UTF-8' }),
    OMERO_USERDIR: folder,
    OMERO_SESSIONDIR: join(folder, 'sessions'),
    OMERO_TMPDIR: join(folder, 'tmp'),
  };
}
