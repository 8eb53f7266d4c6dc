import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { takeFileLock } from './file-lock.ts';
import { ownProgram } from './package-root.ts';
import { identifyProcess } from './process-identity.ts';

test('held by one until released; then free, and nothing is left', async () => {
  const path = join(await temporaryFolder('lock'), 'start.lock');
  const first = await takeFileLock(path);
  if ('heldBy' in first) throw new Error('a new lock is held');
  expect(await takeFileLock(path)).toEqual({ heldBy: identifyProcess(process.pid) });
  await first.release();
  expect(await readdir(dirname(path))).toEqual([]);
  const second = await takeFileLock(path);
  await first.release();
  expect(await readdir(dirname(path))).toEqual(['start.lock']);
  if (!('heldBy' in second)) await second.release();
});

test.each([
  ['a process that ended', JSON.stringify({ pid: 2 ** 22 + 5, startTime: '1', bootId: 'x', executable: '' })],
  ['an earlier boot', JSON.stringify({ ...identifyProcess(process.pid), bootId: 'earlier' })],
  ['nobody: the file was torn by a power loss', '{"pid": 12'],
  ['nobody: the file is empty', ''],
])('a lock held by %s is free', async (_, content) => {
  const path = join(await temporaryFolder('lock'), 'start.lock');
  await writeFile(path, content);
  // Left by one that was killed in the middle of taking over.
  await writeFile(`${path}.takeover`, content);
  const lock = await takeFileLock(path);
  expect('release' in lock).toBe(true);
  expect(await readdir(dirname(path))).toEqual(['start.lock']);
});

test('of many processes that find a dead holder at the same moment, one gets the lock', async () => {
  const folder = await temporaryFolder('lock');
  const rounds = 40;
  const dead = JSON.stringify({ ...identifyProcess(process.pid), bootId: 'earlier' });
  for (let round = 0; round < rounds; round++) await writeFile(join(folder, `${round}.lock`), dead);
  const [command = '', ...args] = ownProgram('src/lib/testing/lock-main');
  const start = String(Date.now() + 2_500);
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(command, [...args, folder, String(rounds), start], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  });
  const taken = await Promise.all(
    children.map(async (child) => JSON.parse(String((await once(child.stdout, 'data'))[0])) as number[]),
  );
  for (const child of children) child.stdin.end('done');
  expect(taken.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rounds }, (_, round) => round));
  expect((await readdir(folder)).filter((name) => !/^\d+\.lock$/.test(name))).toEqual([]);
});
