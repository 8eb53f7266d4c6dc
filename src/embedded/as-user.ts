import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { chown, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { prepareDataFolder } from './data-folder.ts';
import { copyProgram } from './program-copy.ts';
import type { RunAs } from './run-as.ts';
import { tiffNames } from './sample/tiff-names.ts';

/**
 * Runs `start` as an unprivileged user on behalf of root and resolves with its exit code. Root itself only makes the
 * data folder, copies the program where that user can read it, and passes signals on. Should root's process be killed,
 * the other one notices on the channel between them and ends.
 */
export async function startAsUser(user: RunAs, dataFolder: string, options: string[], input?: string): Promise<number> {
  prepareDataFolder(dataFolder, user);
  const program = await copyProgram(dataFolder, user);
  const args = ['start', '--data', dataFolder, ...options];
  const copies = input === undefined ? null : mkdtempSync(join(dataFolder, 'input-'));
  if (input !== undefined && copies !== null) args.push('--input', await copyInput(copies, user, input));
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
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 1)));
  });
  if (copies !== null) rmSync(copies, { recursive: true, force: true });
  return exitCode;
}

/** The user's images may lie where only root can read; a copy is made for the run, in a folder of the same name. */
async function copyInput(parent: string, user: RunAs, input: string): Promise<string> {
  const folder = join(parent, basename(input) || 'input');
  mkdirSync(folder);
  for (const name of await tiffNames(input))
    cpSync(join(input, name), join(folder, name), { dereference: true, preserveTimestamps: true });
  for (const path of [parent, folder, ...(await readdir(folder)).map((name) => join(folder, name))])
    await chown(path, user.uid, user.gid);
  return folder;
}
