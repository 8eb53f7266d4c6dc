import { chmodSync, chownSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Logger } from 'pino';
import { describeError } from '../../domain/errors.ts';
import { ownProgram } from '../../lib/package-root.ts';
import { quoteForShell } from '../../slurm/quote.ts';
import { socketFolder } from '../postgres/socket-folder.ts';
import { Cluster } from './cluster.ts';
import { JobStore } from './job-store.ts';
import type { RunAs } from './job.ts';
import { refuse, serveCalls, type Command } from './protocol.ts';
import { sacct } from './sacct.ts';
import { sbatch } from './sbatch.ts';
import { scancel } from './scancel.ts';
import { scontrol } from './scontrol.ts';
import { squeue } from './squeue.ts';

const commands: Readonly<Record<string, Command>> = { sbatch, sacct, squeue, scancel, scontrol };

export interface EmbeddedSlurm {
  /** Folder with the commands `sbatch`, `sacct`, `squeue`, `scancel` and `scontrol`. */
  binDir: string;
  /** The cluster account's home. */
  home: string;
  /** For commands on this cluster: PATH with `binDir` first, HOME. */
  env: Record<string, string>;
  /** Ends every job that runs; each is queued again, under its id, for the next start. */
  close(): Promise<void>;
}

/**
 * The quick start's small Slurm: runs real jobs on this machine and answers Slurm's own commands in Slurm's own forms.
 * Jobs and their ids are kept in `directory`; a job that still runs from an earlier, killed start is adopted.
 */
export async function startSlurm(options: {
  directory: string;
  log: Logger;
  /** Whom jobs run as when we are root; null: as ourselves. */
  runAs: RunAs | null;
  /** Processors that jobs share; default: those of this machine. */
  cpus?: number;
  /** Length of a minute of time limits, for tests. */
  minuteMs?: number;
  /** Between the polite end of a job and SIGKILL. */
  killWaitMs?: number;
}): Promise<EmbeddedSlurm> {
  const { directory, log } = options;
  const runAs = process.getuid?.() === 0 ? options.runAs : null;
  const home = join(directory, 'home');
  const binDir = join(directory, 'bin');
  await mkdir(join(directory, 'jobs'), { recursive: true, mode: 0o711 });
  await mkdir(binDir, { recursive: true });
  for (const name of [
    'my-scratch',
    'my-scratch/data',
    'my-scratch/singularity_images/workflows',
    'slurm-scripts',
    'slurm-scripts/jobs',
  ]) {
    await mkdir(join(home, name), { recursive: true });
    if (runAs) chownSync(join(home, name), runAs.uid, runAs.gid);
  }
  if (runAs) chownSync(home, runAs.uid, runAs.gid);

  const socket = join(await socketFolder(directory, runAs), 'slurm.sock');
  if (await answers(socket)) throw new Error(`another Slurm runs on ${directory}`);
  await rm(socket, { force: true });
  const store = await JobStore.open(directory);
  const cluster = new Cluster({
    directory,
    store,
    cpus: options.cpus ?? availableParallelism(),
    runAs,
    log,
    minuteMs: options.minuteMs ?? 60_000,
    killWaitMs: options.killWaitMs ?? 3_000,
  });
  const server = await serveCalls(
    socket,
    (call) => {
      const command = commands[call.command];
      return command ? command({ ...call, ...runAs }, cluster) : refuse(`${call.command}: command not found`, 127);
    },
    (error) => log.error({ error: describeError(error) }, 'a command of the embedded Slurm failed'),
  );
  chmodSync(socket, 0o600);
  if (runAs) chownSync(socket, runAs.uid, runAs.gid);
  await writeCommands(binDir, socket);
  cluster.resume();
  return {
    binDir,
    home,
    env: slurmEnvironment(directory),
    async close() {
      await cluster.close();
      await server.close();
      store.close();
      await rm(socket, { force: true });
    },
  };
}

/** Environment of commands on the embedded cluster that keeps its files in `directory`. */
export function slurmEnvironment(directory: string): { PATH: string; HOME: string } {
  const path = [join(directory, 'bin'), process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'];
  return { PATH: path.join(delimiter), HOME: join(directory, 'home') };
}

/** The commands as executables with the socket's path written into them. */
async function writeCommands(binDir: string, socket: string): Promise<void> {
  for (const name of Object.keys(commands)) {
    const argv = [...ownProgram('src/embedded/slurm/command-main'), socket, name];
    const path = join(binDir, name);
    // Replaced as a whole: an old one may be running.
    await writeFile(`${path}.new`, `#!/bin/sh\nexec ${quoteForShell(argv)} "$@"\n`);
    await chmod(`${path}.new`, 0o755);
    await rename(`${path}.new`, path);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
