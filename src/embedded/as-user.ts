import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareDataFolder } from './data-folder.ts';
import { copyProgram } from './program-copy.ts';
import type { RunAs } from './run-as.ts';

/**
 * Runs `start` as an unprivileged user on behalf of root and resolves with its exit code. Root itself only makes the
 * data folder, copies the program where that user can read it, and passes signals on. Should root's process be killed,
 * the other one notices on the channel between them and ends.
 */
export async function startAsUser(user: RunAs, dataFolder: string, options: string[], input?: string): Promise<number> {
  prepareDataFolder(dataFolder, user);
  const program = await copyProgram(dataFolder, user);
  const args = ['start', '--data', dataFolder, ...options];
  if (input !== undefined) args.push('--input', await copyInput(dataFolder, user, input));
  const [command = '', ...rest] = program;
  const child = spawn(command, [...rest, ...args], {
    uid: user.uid,
    gid: user.gid,
    cwd: dataFolder,
    env: { ...process.env, HOME: dataFolder, USER: user.name, LOGNAME: user.name },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Ctrl-C reaches both of us from the terminal; the child ends everything and we wait for it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 1)));
  });
}

/** The user's images may lie where only root can read; a copy is made for the run. */
async function copyInput(dataFolder: string, user: RunAs, input: string): Promise<string> {
  const folder = mkdtempSync(join(dataFolder, 'input-'));
  await chown(folder, user.uid, user.gid);
  for (const name of await readdir(input)) {
    if (!/\.tiff?$/i.test(name)) continue;
    cpSync(join(input, name), join(folder, name), { dereference: true, preserveTimestamps: true });
    await chown(join(folder, name), user.uid, user.gid);
  }
  return folder;
}
