import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import type { SlurmConfig } from '../../config/config.ts';
import { ownProgram } from '../../lib/package-root.ts';
import { LocalTransport } from '../../slurm/local.ts';
import { Slurm, type JobState } from '../../slurm/slurm.ts';
import { startSlurm, type EmbeddedSlurm } from './slurm.ts';

const log = pino({ level: 'silent' });
const open: EmbeddedSlurm[] = [];
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.close();
});

const config: SlurmConfig = {
  transport: 'local',
  host: 'slurm',
  home: null,
  dataPath: 'my-scratch/data',
  imagesPath: 'images',
  scriptPath: 'slurm-scripts/jobs',
  defaultPartition: null,
  sbatch: {},
  workflows: {},
  pollSeconds: 0.1,
};

async function cluster(directory: string, cpus = 2): Promise<{ embedded: EmbeddedSlurm; transport: LocalTransport; slurm: Slurm }> {
  const embedded = await startSlurm({ directory, log, runAs: null, cpus });
  open.push(embedded);
  const transport = new LocalTransport(embedded.home, embedded.env);
  return { embedded, transport, slurm: new Slurm(transport, config) };
}

async function script(home: string, name: string, text: string): Promise<string> {
  await writeFile(join(home, 'slurm-scripts', 'jobs', name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  return name;
}

async function ended(slurm: Slurm, id: number): Promise<JobState> {
  for (;;) {
    const state = (await slurm.observe([id])).get(id);
    if (state?.terminal) return state;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const submission = { output: 'omero-%j.log', flags: {}, env: {} };

test('jobs end as accounting of a real Slurm tells it, field by field', async () => {
  // Recorded with Slurm 22.05: sacct --parsable2 -o JobName,State,ExitCode,Reason
  const recorded = [
    'ok|COMPLETED|0:0|None',
    'fail|FAILED|3:0|None',
    'sig|FAILED|0:11|None',
    'cancel-run|CANCELLED by 1001|0:0|None',
    'cancel-pend|CANCELLED by 1001|0:0|None',
    'bad-output-path|FAILED|0:53|None',
  ];
  const { embedded, transport, slurm } = await cluster(await temporaryFolder('slurm'), 1);
  const run = async (name: string, text: string, output = 'omero-%j.log'): Promise<number> =>
    slurm.submit({ ...submission, output, name, script: await script(embedded.home, `${name}.sh`, text) });
  const ids = [await run('ok', 'true'), await run('fail', 'exit 3'), await run('sig', 'kill -SEGV $$')];
  for (const id of ids) await ended(slurm, id);
  const running = await run('cancel-run', 'sleep 60');
  const pending = await run('cancel-pend', 'sleep 60');
  expect((await slurm.observe([running, pending])).get(pending)).toMatchObject({ phase: 'queued', reason: 'Resources' });
  await slurm.cancel(pending);
  await slurm.cancel(running);
  const bad = await run('bad-output-path', 'true', '/no/such/folder/log');
  expect(await ended(slurm, bad)).toMatchObject({ word: 'FAILED', exit: '0:53' });

  const header = await transport.exec(['sacct', '--parsable2', '-X', '-o', 'JobID,JobIDRaw,JobName,State,ExitCode,Reason']);
  expect(header.stdout.split('\n')[0]).toBe('JobID|JobIDRaw|JobName|State|ExitCode|Reason');
  const listed = await transport.exec(['sacct', '-n', '-P', '-X', '-o', 'JobName,State,ExitCode,Reason']);
  const uid = String(process.getuid?.());
  expect(listed.stdout.trim().split('\n')).toEqual(recorded.map((row) => row.replace('1001', uid)));
});

test('the forms that BIOMERO itself asks for', async () => {
  const { embedded, transport, slurm } = await cluster(await temporaryFolder('slurm'));
  const name = await script(embedded.home, 'job.sh', 'echo hello');
  const said = await transport.exec(['sbatch', '--output=omero-%j.log', `slurm-scripts/jobs/${name}`]);
  expect(said.stdout).toBe('Submitted batch job 1\n');
  await ended(slurm, 1);
  await transport.exec(['sbatch', '--output=x', `slurm-scripts/jobs/${await script(embedded.home, 'long.sh', 'sleep 60')}`]);
  await transport.exec(['scancel', '2']);
  const states = await transport.exec(['sacct', '-n', '-o', 'JobId,State,End', '-X', '-j', '1', '-j', '2']);
  expect(states.stdout).toMatch(/^2 {12}CANCELLED\+ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d \n$/);
  const both = await transport.exec(['sacct', '-n', '-o', 'JobId,State,End', '-X', '-j', '1,2']);
  expect(both.stdout).toMatch(/^1 {13}COMPLETED \d{4}/);
  const listed = await transport.exec(['sacct', '--starttime', '2023-01-01', '--endtime', 'now', '--state', 'cd', '-o', 'JobId', '-n', '-X']);
  expect(listed.stdout).toBe('1            \n');
  expect((await transport.exec(['scontrol', 'show', 'job', '1'])).stdout).toMatch(/JobId=1 JobName=job\.sh\n[^]*JobState=COMPLETED/);
  expect(await transport.exec(['squeue', '-h', '-j', '77'])).toMatchObject({ code: 1, stderr: expect.stringContaining('Invalid job id') as string });
});

test('a job gets its variables byte for byte, and one name is one job', async () => {
  const { embedded, slurm } = await cluster(await temporaryFolder('slurm'));
  const value = 'a b\n$(touch hacked) `id` "quoted" \'single\' µ \\ ;';
  const name = await script(embedded.home, 'env.sh', 'printf %s "$TEXT"');
  const job = { ...submission, name: 'same-name', script: name, env: { TEXT: value } };
  const first = await slurm.submit(job);
  expect(await slurm.submit(job)).toBe(first);
  await ended(slurm, first);
  expect(await slurm.submit(job)).toBe(first);
  const whole = await slurm.readLog(first, 0);
  expect(whole?.bytes.toString('utf8')).toBe(value);
  const part = await slurm.readLog(first, 3, 4);
  expect(part?.bytes).toEqual(Buffer.from(value).subarray(3, 7));
  expect(await slurm.readLog(999, 0)).toBeNull();
});

test('refusals name the reason', async () => {
  const { embedded, slurm } = await cluster(await temporaryFolder('slurm'));
  await writeFile(join(embedded.home, 'slurm-scripts', 'jobs', 'plain.sh'), 'echo no interpreter\n');
  await expect(slurm.submit({ ...submission, name: 'plain', script: 'plain.sh' })).rejects.toMatchObject({ code: 'JOB_REFUSED' });
  await expect(slurm.submit({ ...submission, name: 'gone', script: 'gone.sh' })).rejects.toThrow(/Unable to open file/);
  await expect(slurm.submit({ ...submission, name: 'a b;c', script: 'x' })).rejects.toMatchObject({ code: 'JOB_NAME_INVALID' });
  expect((await slurm.observe([4711])).get(4711)).toMatchObject({ phase: 'unknown', terminal: false });
});

test('jobs that an orderly end stopped run again under their id', async () => {
  const directory = await temporaryFolder('slurm');
  const first = await cluster(directory);
  const name = await script(first.embedded.home, 'slow.sh', 'echo started; [ "$SLURM_RESTART_COUNT" = 0 ] && sleep 60; exit 0');
  const id = await first.slurm.submit({ ...submission, name: 'slow', script: name });
  while (!(await first.slurm.readLog(id, 0))?.size) await new Promise((resolve) => setTimeout(resolve, 30));
  await first.embedded.close();
  open.pop();
  const second = await cluster(directory);
  expect(await ended(second.slurm, id)).toMatchObject({ jobId: id, word: 'COMPLETED' });
  expect((await second.slurm.readLog(id, 0))?.bytes.toString()).toBe('started\nstarted\n');
});

test('a job outlives a killed daemon and is adopted by the next', async () => {
  const directory = await temporaryFolder('slurm');
  const [node = '', ...args] = ownProgram('src/embedded/slurm/testing/daemon-main');
  const daemon = spawn(node, [...args, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(daemon.stdout, 'data');
  const transport = new LocalTransport(join(directory, 'home'), { PATH: `${join(directory, 'bin')}:${process.env['PATH']}` });
  const slurm = new Slurm(transport, config);
  const name = await script(join(directory, 'home'), 'job.sh', 'echo once; while [ ! -e go ]; do sleep 0.05; done; exit 7');
  const id = await slurm.submit({ ...submission, name: 'survivor', script: name });
  while (!(await slurm.readLog(id, 0))?.size) await new Promise((resolve) => setTimeout(resolve, 30));
  daemon.kill('SIGKILL');
  await once(daemon, 'exit');
  expect((await transport.exec(['squeue'])).stderr).toContain('Unable to contact slurm controller');
  const next = await cluster(directory);
  expect((await next.slurm.observe([id])).get(id)?.phase).toBe('running');
  await writeFile(join(directory, 'home', 'go'), '');
  expect(await ended(next.slurm, id)).toMatchObject({ word: 'FAILED', exit: '7:0' });
  expect((await next.slurm.readLog(id, 0))?.bytes.toString()).toBe('once\n');
});
