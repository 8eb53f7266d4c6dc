import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { SlurmConfig } from '../config/config.ts';
import { LocalTransport } from './local.ts';
import { Slurm } from './slurm.ts';

const config: SlurmConfig = {
  transport: 'local',
  host: 'slurm',
  home: null,
  dataPath: 'data',
  imagesPath: 'images',
  scriptPath: 'scripts',
  defaultPartition: 'short',
  sbatch: { partition: 'long', mem: '5G', 'mail-user': '' },
  workflows: {},
  pollSeconds: 1,
};

interface Site {
  slurm: Slurm;
  transport: LocalTransport;
  home: string;
  /** Makes a command of the site say this from now on. */
  says(command: string, shell: string): Promise<void>;
}

/** A site whose commands fail in the ways of real ones, which no healthy Slurm can be made to show. */
async function site(more: Partial<SlurmConfig> = {}): Promise<Site> {
  const home = await temporaryFolder('site');
  const bin = join(home, 'bin');
  await mkdir(bin);
  const transport = new LocalTransport({ home, env: { PATH: `${bin}:/usr/bin:/bin` } });
  const says = async (command: string, shell: string): Promise<void> => {
    await writeFile(join(bin, command), `#!/bin/sh\n${shell}\n`);
    await chmod(join(bin, command), 0o755);
  };
  for (const command of ['squeue', 'sacct', 'scancel', 'scontrol', 'sbatch']) await says(command, 'exit 0');
  return { slurm: new Slurm(transport, { ...config, ...more }), transport, home, says };
}

const controllerDown = 'echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1';
const databaseDown = 'echo "sacct: error: Problem talking to the database: Connection refused" >&2; exit 1';
const noAccounting = 'echo "Slurm accounting storage is disabled" >&2; exit 1';
const job = { name: 'run-1', script: 'job.sh', output: 'omero-%j.log', flags: {}, env: {} };

test('with the database down the queue still tells of what lives, and the rest is unknown', async () => {
  const { slurm, says } = await site();
  await says('sacct', databaseDown);
  await says('squeue', 'echo "5|5|N/A|RUNNING|n1|1795468968|NONE|None"');
  const states = await slurm.observe([5, 6]);
  expect(states.get(5)).toMatchObject({ phase: 'running' });
  expect(states.get(6)).toMatchObject({ phase: 'unknown', terminal: false });
});

test('with the controller down the accounting still tells of what has ended', async () => {
  const { slurm, says } = await site();
  await says('squeue', controllerDown);
  await says('sacct', 'echo "5|5|COMPLETED|0:0|n1|1795468968|1795468969|None"');
  const states = await slurm.observe([5, 6]);
  expect(states.get(5)).toMatchObject({ phase: 'succeeded', terminal: true });
  expect(states.get(6)).toMatchObject({ phase: 'unknown', terminal: false });
});

test('what Slurm may have put back into the queue has not ended while only the accounting tells of it', async () => {
  const { slurm, says } = await site();
  await says('sacct', 'echo "5|5|NODE_FAIL|0:0|n1|1795468968|1795468969|None"');
  await says('squeue', controllerDown);
  expect((await slurm.observe([5])).get(5)).toMatchObject({ phase: 'unknown', terminal: false });
  await says('squeue', 'exit 0');
  expect((await slurm.observe([5])).get(5)).toMatchObject({ word: 'NODE_FAIL', terminal: true });
});

test('without accounting the exit code comes from the controller, of the task that failed', async () => {
  const { slurm, says } = await site();
  await says('sacct', databaseDown);
  await says('squeue', 'echo "5|5|N/A|FAILED|n1|1795468968|1795468969|NonZeroExitCode"');
  const line = (word: string, exit: string): string =>
    `JobId=5 JobState=${word} Reason=None ExitCode=${exit} RunTime=1`;
  await says('scontrol', `echo "${line('COMPLETED', '0:0')}"; echo "${line('FAILED', '3:0')}"`);
  expect((await slurm.observe([5])).get(5)).toMatchObject({ word: 'FAILED', exit: '3:0' });
  await says('scontrol', 'exit 1');
  expect((await slurm.observe([5])).get(5)).toMatchObject({ word: 'FAILED', exit: null, terminal: true });
});

test('with both down there is no answer, and no job has failed for it', async () => {
  const { slurm, says } = await site();
  await says('squeue', controllerDown);
  await says('sacct', databaseDown);
  await expect(slurm.observe([5])).rejects.toMatchObject({ code: 'SLURM_UNAVAILABLE', retryable: true });
});

test('a job is not submitted while nobody can say whether it has been already', async () => {
  const { slurm, says, home } = await site();
  await says('sbatch', 'echo submitted >> sbatch.log; echo 7');
  await says('sacct', databaseDown);
  await expect(slurm.submit(job)).rejects.toMatchObject({ code: 'SLURM_UNAVAILABLE' });
  await says('squeue', controllerDown);
  await expect(slurm.submit(job)).rejects.toMatchObject({ code: 'SLURM_UNAVAILABLE' });
  await expect(readFile(join(home, 'sbatch.log'))).rejects.toThrow();
  // A site without accounting has nothing to ask beyond its queue.
  await says('squeue', 'exit 0');
  await says('sacct', noAccounting);
  expect(await slurm.submit(job)).toBe(7);
});

test('an answer of sbatch is found among what a login script prints; a federation names its cluster', async () => {
  const { slurm, says } = await site();
  await says('sbatch', 'echo "Welcome, 3 messages"; echo "41;alpha"');
  expect(await slurm.submit(job)).toBe(41);
  await says('sbatch', 'echo "Welcome"');
  await expect(slurm.submit(job)).rejects.toMatchObject({ code: 'SLURM_ANSWER_UNREADABLE' });
});

test('a busy controller is not a refused job', async () => {
  const { slurm, says } = await site();
  await says(
    'sbatch',
    'echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1',
  );
  await expect(slurm.submit(job)).rejects.toMatchObject({ code: 'SLURM_UNAVAILABLE', retryable: true });
  await says('sbatch', 'echo "sbatch: error: Batch job submission failed: Invalid account" >&2; exit 1');
  await expect(slurm.submit(job)).rejects.toMatchObject({ code: 'JOB_REFUSED', retryable: false });
});

test('options: the workflow wins over the default partition, that over the options for all; blank ones are left out', async () => {
  const { slurm, says, home } = await site();
  await says('sbatch', 'printf "%s\\n" "$@" >> arguments; echo 1');
  await slurm.submit(job);
  await slurm.submit({ ...job, flags: { partition: 'gpu', exclusive: '', time: '00:30:00' } });
  const lines = (await readFile(join(home, 'arguments'), 'utf8')).split('\n');
  const same = ['--parsable', '--job-name=run-1', '--output=omero-%j.log', '--export=ALL'];
  expect(lines).toEqual([
    ...[...same, '--partition=short', '--mem=5G', 'scripts/job.sh'],
    ...[...same, '--partition=gpu', '--mem=5G', '--exclusive', '--time=00:30:00', 'scripts/job.sh'],
    '',
  ]);
});

test("options in BIOMERO's precedence, and variables in a file where the site wants that", async () => {
  const submission = { gpuPartition: 'gpu', gpuGres: 'gpu:1', gpus: null } as NonNullable<SlurmConfig['submission']>;
  const { slurm, says, home } = await site({ submission });
  await says('sbatch', 'printf "%s\\n" "$@" >> arguments; echo "VALUE=$VALUE"; echo 1');
  const options = async (flags: Record<string, string>, useGpu: boolean): Promise<string[]> => {
    await rm(join(home, 'arguments'), { force: true });
    await slurm.submit({ ...job, flags, useGpu });
    const lines = (await readFile(join(home, 'arguments'), 'utf8')).split('\n');
    return lines.filter((line) => /^--(partition|mem|gres|gpus)/.test(line)).toSorted();
  };
  expect(await options({}, false)).toEqual(['--mem=5G', '--partition=short']);
  expect(await options({}, true)).toEqual(['--gres=gpu:1', '--mem=5G', '--partition=gpu']);
  expect(await options({ gpus: '2', partition: 'big', mem: '9G' }, true)).toEqual([
    ...['--gpus=2', '--mem=9G', '--partition=big'],
  ]);
  const value = "it's $(id)\n";
  await slurm.submit({ ...job, env: { VALUE: value }, envFile: join(home, 'data', 'variables.sh') });
  const path = join(home, 'data', 'variables.sh');
  expect((await readFile(join(home, 'arguments'), 'utf8')).trimEnd().split('\n').at(-1)).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(spawnSync('sh', ['-c', '. "$1"; printf %s "$VALUE"', 'sh', path], { encoding: 'utf8' }).stdout).toBe(value);
});

test('a lookup takes the exact name only, from the queue or the accounting', async () => {
  const { slurm, says } = await site();
  await says('squeue', 'echo "9|run-10"; echo "8|RUN-1"; echo "7|run-1"; echo "6|run-1"');
  expect(await slurm.findByName('run-1')).toBe(6);
  await says('squeue', 'exit 0');
  await says('sacct', 'echo "12_0|run-1"; echo "13|RUN-1 "');
  expect(await slurm.findByName('run-1')).toBe(12);
  expect(await slurm.findByName('other')).toBeNull();
});

test('a missing command and a missing home are told apart', async () => {
  const { slurm } = await site();
  const bare = new LocalTransport({ home: await temporaryFolder('bare'), env: { PATH: '/nowhere' } });
  await expect(new Slurm(bare, config).observe([1])).rejects.toMatchObject({ code: 'SLURM_COMMAND_MISSING' });
  const homeless = new LocalTransport({ home: '/no/such/home', env: {} });
  await expect(new Slurm(homeless, config).cancel(1)).rejects.toMatchObject({
    code: 'CLUSTER_UNREACHABLE',
    retryable: true,
  });
  await slurm.cancel(1);
});

test('a command that hangs is ended, with all that it started', async () => {
  const { transport, home } = await site();
  const hanging = transport.exec(['sh', '-c', 'sleep 600 & echo $! > sleeper; wait'], { timeoutMs: 500 });
  await expect(hanging).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  const sleeper = (await readFile(join(home, 'sleeper'), 'utf8')).trim();
  expect(
    (
      await transport.exec(['sh', '-c', 'cut -d" " -f3 "/proc/$1/stat" 2>/dev/null || echo gone', 'sh', sleeper])
    ).stdout.trim(),
  ).toMatch(/^(gone|Z)$/);
});

test('our own variables do not reach commands, except those that they need', async () => {
  const { transport } = await site();
  process.env['SECRET_DATABASE_URL'] = 'postgresql://user:password@host/db';
  try {
    const env = (await transport.exec(['env'], { env: { GIVEN: 'x' } })).stdout;
    expect(env).not.toContain('password');
    expect(env).toContain('GIVEN=x\n');
    expect(env).toMatch(/^PATH=\S+\/bin:\/usr\/bin:\/bin$/m);
  } finally {
    delete process.env['SECRET_DATABASE_URL'];
  }
});
