/**
 * One of Slurm's commands for the embedded Slurm: `command-main SOCKET NAME ARGUMENT…`. It reads what only the caller
 * may read, asks the daemon, and prints the answer. Imports little, because it is started for every look at a job.
 */
import { readFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { findScript } from './sbatch-options.ts';
import type { Answer, Call } from './protocol.ts';

const [socketPath = '', command = '', ...argv] = process.argv.slice(2);

const call: Call = {
  command,
  argv,
  cwd: process.cwd(),
  env: Object.fromEntries(Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  user: userName(),
  host: hostname(),
  script: command === 'sbatch' ? readScript() : null,
};

let text = '';
const socket = connect(socketPath);
socket.setEncoding('utf8');
socket.on('connect', () => socket.write(`${JSON.stringify(call)}\n`));
socket.on('data', (chunk: string) => (text += chunk));
socket.on('error', unreachable);
socket.on('end', () => {
  if (!text.endsWith('\n')) return unreachable();
  const answer = JSON.parse(text) as Answer;
  write(1, answer.stdout);
  write(2, answer.stderr);
  process.exit(answer.code);
});

function unreachable(): never {
  const why = 'Unable to contact slurm controller (connect failure)';
  const texts: Record<string, string> = {
    sbatch: `sbatch: error: Batch job submission failed: ${why}`,
    squeue: `slurm_load_jobs error: ${why}`,
    sacct:
      'sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:localhost:6819: Connection refused\n' +
      'sacct: error: Problem talking to the database: Connection refused',
    scontrol: `slurm_load_jobs error: ${why}`,
    scancel: `scancel: error: ${why}`,
  };
  write(2, `${texts[command] ?? why}\n`);
  process.exit(1);
}

function readScript(): Call['script'] {
  const found = findScript(argv);
  if (found === null) return null;
  try {
    return { text: readFileSync(found === '-' ? 0 : resolve(found), 'utf8') };
  } catch {
    return { error: `Unable to open file ${found}` };
  }
}

/** Whole, also into a pipe whose reader is slow. */
function write(file: number, content: string): void {
  let rest = Buffer.from(content, 'utf8');
  while (rest.length)
    try {
      rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 0);
  }
}
