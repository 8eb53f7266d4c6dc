import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { ownProgram } from '../../lib/package-root.ts';
import { identifyProcess, isAlive, killProcess } from '../../lib/process-identity.ts';
import { readProcess } from './job-folder.ts';
import { adapterOn, ended, logWith, testCluster, type TestCluster } from './testing/test-cluster.ts';

type Killable = Omit<TestCluster, 'embedded'> & { daemon: ChildProcess; kill(): Promise<void> };

/** The embedded Slurm in a process that the test can kill. */
async function killableCluster(): Promise<Killable> {
  const directory = await temporaryFolder('slurm');
  const [node = '', ...args] = ownProgram('src/embedded/slurm/testing/daemon-main');
  const daemon = spawn(node, [...args, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void daemon.kill('SIGKILL'));
  await once(daemon.stdout, 'data');
  const env = { PATH: [join(directory, 'bin'), process.env['PATH']].join(delimiter), HOME: join(directory, 'home') };
  const kill = async (): Promise<void> => {
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
  };
  return { ...adapterOn(directory, env), daemon, kill };
}

const counting = 'echo "begun ${SLURM_RESTART_COUNT-0}"; echo $$ > pid; while [ ! -e go ]; do sleep 0.05; done; exit 7';

test('a job that outlives its daemon is adopted and ends with its own exit code', async () => {
  const first = await killableCluster();
  const id = await first.submit('survivor', counting);
  await logWith(first.slurm, id, 'begun');
  await first.kill();
  await expect(first.slurm.observe([id])).rejects.toMatchObject({ code: 'SLURM_UNAVAILABLE', retryable: true });
  await expect(first.submit('survivor', counting)).rejects.toMatchObject({ code: 'SLURM_UNAVAILABLE' });
  const { slurm, home } = await testCluster({ directory: first.directory });
  expect((await slurm.observe([id])).get(id)).toMatchObject({ phase: 'running' });
  await writeFile(join(home, 'go'), '');
  expect(await ended(slurm, id)).toMatchObject({ word: 'FAILED', exit: '7:0' });
  expect(await logWith(slurm, id, 'begun')).toBe('begun 0\n');
});

test('a job that ended while there was no daemon is known to have ended', async () => {
  const first = await killableCluster();
  const id = await first.submit('alone', counting);
  await logWith(first.slurm, id, 'begun');
  const runner = readProcess(join(first.directory, 'jobs', String(id)), 'claim', 1);
  await first.kill();
  await writeFile(join(first.home, 'go'), '');
  while (runner && isAlive(runner)) await new Promise((resolve) => setTimeout(resolve, 20));
  const { slurm } = await testCluster({ directory: first.directory });
  expect((await slurm.observe([id])).get(id)).toMatchObject({ word: 'FAILED', exit: '7:0', terminal: true });
});

test('a job that went with its daemon is queued again; what was left of it is ended first', async () => {
  const first = await killableCluster();
  const id = await first.submit('lost', counting);
  await logWith(first.slurm, id, 'begun');
  const left = identifyProcess(Number(await readFile(join(first.home, 'pid'), 'utf8')));
  const runner = readProcess(join(first.directory, 'jobs', String(id)), 'claim', 1);
  await first.kill();
  expect(runner && killProcess(runner, 'SIGKILL')).toBe(true);
  while (runner && isAlive(runner)) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(left && isAlive(left)).toBe(true);
  const { slurm, home } = await testCluster({ directory: first.directory });
  expect(left && isAlive(left)).toBe(false);
  expect(await logWith(slurm, id, 'begun 1')).toBe('begun 0\nbegun 1\n');
  await writeFile(join(home, 'go'), '');
  expect(await ended(slurm, id)).toMatchObject({ word: 'FAILED', exit: '7:0' });
});

test('a job whose runner vanishes under a living daemon is queued again', async () => {
  const { slurm, submit, home, directory } = await testCluster();
  const id = await submit('runner-gone', counting);
  await logWith(slurm, id, 'begun');
  const runner = readProcess(join(directory, 'jobs', String(id)), 'claim', 1);
  expect(runner && killProcess(runner, 'SIGKILL')).toBe(true);
  await logWith(slurm, id, 'begun 1');
  await writeFile(join(home, 'go'), '');
  expect(await ended(slurm, id)).toMatchObject({ word: 'FAILED', exit: '7:0' });
});
