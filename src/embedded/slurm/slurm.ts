import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { describeError } from '../../domain/errors.ts';
import { ownProgram } from '../../lib/package-root.ts';
import { quoteForShell } from '../../slurm/quote.ts';
import { socketFolder } from '../postgres/socket-folder.ts';
import { refuse, type Answer, type Call } from './answer.ts';
import { sacct } from './sacct.ts';
import { sbatch } from './sbatch.ts';
import { scancel } from './scancel.ts';
import { Scheduler } from './scheduler.ts';
import { scontrol } from './scontrol.ts';
import { squeue } from './squeue.ts';

export interface EmbeddedSlurm {
  /** Folder with `sbatch`, `sacct`, `squeue`, `scancel` and `scontrol`. */
  binDir: string;
  /** The cluster account's home. */
  home: string;
  /** Environment in which those commands are found. */
  env: Record<string, string>;
  /** Ends what runs; those jobs start again, under their ids, with the next one on this folder. */
  close(): Promise<void>;
}

const commands: Readonly<Record<string, (call: Call, scheduler: Scheduler) => Answer>> = {
  sbatch,
  sacct,
  squeue,
  scancel,
  scontrol,
};

/** Starts the quick start's small Slurm: real jobs on this machine, answered for in Slurm's own words. */
export async function startSlurm(options: {
  directory: string;
  log: Logger;
  runAs: { uid: number; gid: number } | null;
  cpus?: number;
}): Promise<EmbeddedSlurm> {
  const home = join(options.directory, 'home');
  const binDir = join(options.directory, 'bin');
  for (const folder of [binDir, join(home, 'my-scratch', 'data'), join(home, 'slurm-scripts', 'jobs')])
    await mkdir(folder, { recursive: true });
  const socket = join(await socketFolder(options.directory, options.runAs), 'slurm');
  for (const name of Object.keys(commands)) {
    const path = join(binDir, name);
    const argv = [...ownProgram('src/embedded/slurm/command-main'), socket, name];
    await writeFile(path, `#!/bin/sh\nexec ${quoteForShell(argv)} "$@"\n`);
    await chmod(path, 0o755);
  }
  const scheduler = new Scheduler(options.directory, options.cpus ?? availableParallelism(), options.log);
  await rm(socket, { force: true });
  const server = await listen(socket, scheduler, options.log);
  return {
    binDir,
    home,
    env: { PATH: `${binDir}:${process.env['PATH'] ?? '/usr/bin:/bin'}`, HOME: home },
    async close() {
      scheduler.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(socket, { force: true });
    },
  };
}

function listen(path: string, scheduler: Scheduler, log: Logger): Promise<Server> {
  const server = createServer((socket) => serve(socket, scheduler, log));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** One call per connection: a line of JSON in, JSON out. */
function serve(socket: Socket, scheduler: Scheduler, log: Logger): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0) return;
    let answer: Answer;
    try {
      const call = JSON.parse(text.slice(0, end)) as Call;
      const command = commands[call.command];
      answer = command ? command(call, scheduler) : refuse(`${call.command}: command not found`, 127);
    } catch (error) {
      log.error({ error: describeError(error) }, 'a call of a Slurm command failed');
      answer = refuse('slurm: error: internal error of the embedded Slurm');
    }
    socket.end(JSON.stringify(answer));
  });
}
