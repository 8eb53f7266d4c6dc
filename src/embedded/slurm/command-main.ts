/**
 * The embedded Slurm's commands: `command-main SOCKET sbatch …`. Tells the daemon how it was called and prints the
 * answer; without a daemon it says what Slurm's own commands say.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { Answer, Call } from './answer.ts';
import { scriptNameOf } from './sbatch-options.ts';

const [socket = '', command = '', ...argv] = process.argv.slice(2);
const call: Call = {
  command,
  argv,
  cwd: process.cwd(),
  env: Object.fromEntries(Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]]))),
  uid: process.getuid?.() ?? 0,
  userName: userInfo().username,
};
if (command === 'sbatch') {
  const name = scriptNameOf(argv);
  try {
    call.script = readFileSync(name === null ? 0 : resolve(name), 'utf8');
  } catch (error) {
    call.scriptError =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? `Unable to open file ${name}`
        : `Unable to read ${name}: ${(error as Error).message}`;
  }
}

const connection = connect(socket);
const chunks: Buffer[] = [];
connection.on('connect', () => connection.write(`${JSON.stringify(call)}\n`));
connection.on('data', (chunk) => chunks.push(chunk));
connection.on('error', () => {
  process.stderr.write(`${command}: error: Unable to contact slurm controller (connect failure)\n`);
  process.exitCode = 1;
});
connection.on('end', () => {
  const text = Buffer.concat(chunks).toString('utf8');
  if (!text) {
    process.stderr.write(`${command}: error: Unable to contact slurm controller (no answer)\n`);
    process.exitCode = 1;
    return;
  }
  const answer = JSON.parse(text) as Answer;
  process.stdout.write(answer.stdout);
  process.stderr.write(answer.stderr);
  process.exitCode = answer.code;
});
