import { readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive, identifyProcess } from '../../lib/process-identity.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { ended, logWith, testCluster, until } from './testing/test-cluster.ts';

test('a job runs in its folder with its variables, and its log is read in pieces', async () => {
  const { slurm, submit, home } = await testCluster();
  const id = await submit('plain', 'echo "$SLURM_JOB_ID $SLURM_JOB_NAME"; pwd; printf "a\\0\\377b"; echo problem >&2');
  const state = await ended(slurm, id);
  expect(state).toMatchObject({ word: 'COMPLETED', phase: 'succeeded', exit: '0:0', node: 'localhost', reason: null });
  expect(state.startedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(state.endedAt?.getTime()).toBeGreaterThanOrEqual(state.startedAt?.getTime() ?? Infinity);
  const expected = Buffer.concat([
    Buffer.from(`${id} plain\n${home}\na\0`),
    Buffer.from([0xff]),
    Buffer.from('bproblem\n'),
  ]);
  const whole = await slurm.readLog(id, 0);
  expect(whole).toEqual({ bytes: expected, next: expected.length, size: expected.length });
  expect((await slurm.readLog(id, 3, 4))?.bytes).toEqual(expected.subarray(3, 7));
  expect(await slurm.readLog(id, 10_000)).toEqual({ bytes: Buffer.alloc(0), next: 10_000, size: 10_000 });
  expect(await slurm.readLog(id + 1, 0)).toBeNull();
});

test('exit codes, signals and files that cannot be opened end a job as in Slurm', async () => {
  const { slurm, submit, script, home } = await testCluster();
  const exit = await submit('exit', 'exit 3');
  const signal = await submit('signal', 'kill -SEGV $$');
  const output = await submit('output', 'true', { output: '/no/such/folder/log' });
  await script('interpreter.sh', '');
  await writeFile(join(home, 'slurm-scripts/jobs/interpreter.sh'), '#!/no/such/program\n');
  const interpreter = await submit('interpreter', '', { script: 'interpreter.sh' });
  expect(await ended(slurm, exit)).toMatchObject({ word: 'FAILED', phase: 'failed', exit: '3:0' });
  expect(await ended(slurm, signal)).toMatchObject({ word: 'FAILED', exit: '0:11' });
  expect(await ended(slurm, output)).toMatchObject({ word: 'FAILED', exit: '0:53' });
  expect(await ended(slurm, interpreter)).toMatchObject({ word: 'FAILED', exit: '2:0' });
  expect(await logWith(slurm, interpreter, 'execve')).toContain('No such file or directory');
});

test('a job that takes too long is ended at its limit, with everything it started', async () => {
  const { slurm, submit, home } = await testCluster({ minuteMs: 700 });
  const id = await submit('slow', 'setsid sleep 600 & echo $! > sleeper; echo begun; trap "" TERM; sleep 600', {
    flags: { time: '0:30' },
  });
  const state = await ended(slurm, id);
  expect(state).toMatchObject({ word: 'TIMEOUT', phase: 'failed', exit: '0:0' });
  expect(await logWith(slurm, id, 'DUE TO TIME LIMIT')).toMatch(
    /^begun\nslurmstepd-\S+: error: \*\*\* JOB \d+ ON \S+ CANCELLED AT /,
  );
  expect(identifyProcess(Number(readFileSync(join(home, 'sleeper'), 'utf8')))).toBeNull();
});

test('jobs wait for processors in the order they came, and cancelled ones never run', async () => {
  const { slurm, submit, run, home } = await testCluster({ cpus: 2 });
  const wide = await submit('wide', 'while [ ! -e go ]; do sleep 0.05; done', { flags: { 'cpus-per-task': '64' } });
  const next = await submit('next', 'touch next-ran');
  const last = await submit('last', 'touch last-ran');
  const states = await slurm.observe([wide, next, last, 4711]);
  expect([wide, next, last, 4711].map((id) => states.get(id)?.phase)).toEqual([
    'running',
    'queued',
    'queued',
    'unknown',
  ]);
  expect([next, last].map((id) => states.get(id)?.reason)).toEqual(['Resources', 'Priority']);
  expect(states.get(next)).toMatchObject({ startedAt: null, endedAt: null, exit: null, terminal: false });
  await slurm.cancel(next);
  expect(await ended(slurm, next)).toMatchObject({ word: 'CANCELLED', phase: 'cancelled', startedAt: null });
  await writeFile(join(home, 'go'), '');
  expect(await ended(slurm, last)).toMatchObject({ phase: 'succeeded' });
  expect((await run('ls')).stdout).not.toContain('next-ran');
});

test('cancelling ends a running job and leaves an ended one alone', async () => {
  const { slurm, submit } = await testCluster();
  const id = await submit('long', 'echo begun; sleep 600');
  await logWith(slurm, id, 'begun');
  await slurm.cancel(id);
  expect(await ended(slurm, id)).toMatchObject({ word: 'CANCELLED', phase: 'cancelled' });
  await slurm.cancel(id);
  await slurm.cancel(4711);
  expect(await logWith(slurm, id, 'CANCELLED AT')).toContain(`JOB ${id} ON localhost`);
});

test('one name is one job, also when it is submitted twice at a time or has long ended', async () => {
  const { slurm, submit, run } = await testCluster();
  const first = await submit('the-only-one', 'echo x >> ran');
  expect(await submit('the-only-one', 'echo x >> ran')).toBe(first);
  await ended(slurm, first);
  expect(await submit('the-only-one', 'echo x >> ran')).toBe(first);
  expect(await slurm.findByName('the-only-one')).toBe(first);
  expect(await slurm.findByName('the-only')).toBeNull();
  expect((await run('cat', 'ran')).stdout).toBe('x\n');
});

test('names and variables arrive byte for byte, and nothing in them is run', async () => {
  const { slurm, submit, run } = await testCluster();
  const name = 'a|b $(touch hacked);&*?~ %j <x> #! --wrap=x';
  const values = ['', ' a  b ', 'a\nb\n', '$(touch hacked)', '`id`', `"it's"`, '\\', 'ü🜁', '%j', 'ALL,X=1', '--'];
  const env = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
  const print = values.map((_, index) => `printf '%s\\0' "$V${index}"`).join('\n');
  const id = await submit(name, `printf '%s\\0' "$SLURM_JOB_NAME"\n${print}`, { env });
  expect(await ended(slurm, id)).toMatchObject({ phase: 'succeeded' });
  expect((await slurm.readLog(id, 0))?.bytes.toString('utf8').split('\0').slice(0, -1)).toEqual([name, ...values]);
  expect(await slurm.findByName(name)).toBe(id);
  expect((await run('sh', '-c', 'ls | grep -c hacked')).stdout).toBe('0\n');
});

test('what cannot be a job is refused with its reason', async () => {
  const { slurm, submit, home } = await testCluster();
  await writeFile(join(home, 'slurm-scripts/jobs/plain.sh'), 'echo no interpreter\n');
  await expect(submit('plain', '', { script: 'plain.sh' })).rejects.toMatchObject({
    code: 'JOB_REFUSED',
    retryable: false,
  });
  await expect(submit('gone', '', { script: 'gone.sh' })).rejects.toThrow(/Unable to open file/);
  await expect(submit('flag', '', { flags: { nosuch: '1' } })).rejects.toThrow(/unrecognized option '--nosuch=?/);
  await expect(submit('flag', '', { flags: { parsable: '' } })).rejects.toMatchObject({ code: 'JOB_OPTION_REFUSED' });
  await expect(submit('flag', '', { flags: { 'x y': '' } })).rejects.toMatchObject({ code: 'JOB_OPTION_REFUSED' });
  for (const name of ['', ' a', 'a,b', 'a\nb', 'a"b', "a'b", 'é', '🜁', 'x'.repeat(256)])
    await expect(submit(name, '')).rejects.toMatchObject({ code: 'JOB_NAME_REFUSED' });
  for (const variable of ['PATH', 'LD_PRELOAD', 'SLURM_JOB_ID', 'SBATCH_WAIT', 'A B', '1A', ''])
    await expect(submit('env', '', { env: { [variable]: 'x' } })).rejects.toMatchObject({
      code: 'JOB_VARIABLE_REFUSED',
    });
  expect(await slurm.findByName('env')).toBeNull();
});

test('options of the script, the workflow and the site add up in that order', async () => {
  const { slurm, submit, run } = await testCluster();
  const id = await submit(
    'directives',
    '#SBATCH --time=00:45:00 --comment="from script"\n#SBATCH -c 1 # note\ntrue\n#SBATCH --time=1',
    {
      flags: { comment: 'of the workflow' },
    },
  );
  await ended(slurm, id);
  const row = await run('sacct', '-n', '-P', '-X', '-o', 'Timelimit,Comment', '-j', String(id));
  expect(row.stdout).toBe('00:45:00|of the workflow\n');
});

test('tasks of an array are one job, ended when all are', async () => {
  const { slurm, run, script, home } = await testCluster({ cpus: 4 });
  await script(
    'array.sh',
    'echo "$SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID"; while [ ! -e go ]; do sleep 0.05; done; [ "$SLURM_ARRAY_TASK_ID" != 2 ]',
  );
  const answer = await run(
    'sbatch',
    '--parsable',
    '--array=1-4%2',
    '-o',
    'omero-%A_%a.log',
    'slurm-scripts/jobs/array.sh',
  );
  const id = Number(answer.stdout);
  expect((await slurm.observe([id])).get(id)).toMatchObject({ phase: 'running', terminal: false });
  expect((await run('squeue', '-h', '-o', '%i %K %t %r')).stdout).toBe(
    `${id}_[3-4%2] 3-4%2 PD JobArrayTaskLimit\n${id}_1 1 R None\n${id}_2 2 R None\n`,
  );
  await writeFile(join(home, 'go'), '');
  expect(await ended(slurm, id)).toMatchObject({ word: 'FAILED', phase: 'failed', exit: '1:0' });
  const rows = (await run('sacct', '-n', '-P', '-X', '-o', 'JobID,JobIDRaw,State', '-j', String(id))).stdout;
  expect(rows).toBe(
    `${id}_1|${id + 1}|COMPLETED\n${id}_2|${id + 2}|FAILED\n${id}_3|${id + 3}|COMPLETED\n${id}_4|${id}|COMPLETED\n`,
  );
  expect(await readFile(join(home, `omero-${id}_3.log`), 'utf8')).toBe(`${id} 3\n`);
});

test('ids go on after a restart, and ended jobs are remembered', async () => {
  const directory = await temporaryFolder('slurm');
  const first = await testCluster({ directory });
  const id = await first.submit('before', 'exit 4');
  await ended(first.slurm, id);
  await first.embedded.close();
  const second = await testCluster({ directory });
  expect((await second.slurm.observe([id])).get(id)).toMatchObject({ word: 'FAILED', exit: '4:0' });
  expect(await second.submit('after', 'true')).toBe(id + 1);
});

test('jobs that an orderly end stopped run again under their id, after their old log', async () => {
  const directory = await temporaryFolder('slurm');
  const first = await testCluster({ directory });
  const id = await first.submit('slow', 'echo "begun ${SLURM_RESTART_COUNT-0}"; echo $$ > pid; [ -e go ] || sleep 600');
  await logWith(first.slurm, id, 'begun');
  const script = identifyProcess(Number(await readFile(join(first.home, 'pid'), 'utf8')));
  const waiting = await first.submit('waiting', 'echo waited', { flags: { 'cpus-per-task': '2' } });
  await first.embedded.close();
  expect(script && isAlive(script)).toBe(false);
  await writeFile(join(first.home, 'go'), '');
  const second = await testCluster({ directory });
  expect(await ended(second.slurm, id)).toMatchObject({ word: 'COMPLETED', exit: '0:0' });
  expect(await ended(second.slurm, waiting)).toMatchObject({ word: 'COMPLETED' });
  expect(await logWith(second.slurm, id, 'begun 1')).toMatch(/^begun 0\n[^\n]+ DUE TO JOB REQUEUE \*\*\*\nbegun 1\n$/);
});

test('a long folder does not make the socket unusable, and only its owner can reach the daemon', async () => {
  const directory = join(await temporaryFolder('slurm'), 'long-'.repeat(20), "it's a $(folder)");
  await mkdir(directory, { recursive: true });
  const { slurm, submit, embedded } = await testCluster({ directory });
  expect(await ended(slurm, await submit('long-path', 'true'))).toMatchObject({ phase: 'succeeded' });
  const socket = /'([^']+slurm\.sock)'/.exec(await readFile(join(embedded.binDir, 'sbatch'), 'utf8'))?.[1] ?? '';
  expect(Buffer.byteLength(socket)).toBeLessThan(108);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(socket, '..')).mode & 0o777).toBe(0o700);
});

test('a second daemon on one folder is refused', async () => {
  const { directory, slurm, submit } = await testCluster();
  await expect(testCluster({ directory })).rejects.toThrow(/another Slurm/);
  const id = await submit('still-served', 'true');
  expect(await until(slurm, id, (s) => s.terminal)).toMatchObject({ phase: 'succeeded' });
});
