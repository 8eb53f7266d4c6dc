import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ended, logWith, testCluster, until, type TestCluster } from './testing/test-cluster.ts';

/**
 * Recorded with Slurm 22.05.8 for jobs made in the same ways:
 * `sacct --parsable2 -X -o JobID,JobIDRaw,JobName,State,ExitCode,Reason`, of which ids differ here.
 */
const recorded = `
JobID|JobIDRaw|JobName|State|ExitCode|Reason
5|5|ok|COMPLETED|0:0|None
6|6|fail|FAILED|3:0|None
7|7|sig|FAILED|0:11|None
8|8|timeout|TIMEOUT|0:0|None
13|13|held|PENDING|0:0|JobHeldUser
19|19|cancel-run|CANCELLED by 1001|0:0|None
20|20|cancel-pend|CANCELLED by 1001|0:0|None
246|246|bad-output-path|FAILED|0:53|None
`
  .trim()
  .split('\n')
  .map((line) => line.split('|'));

/** As printed by 22.05.8, with its own error texts and exit codes. */
const refusals: [argv: string[], stderr: string, code: number][] = [
  [['squeue', '-j', '99999'], 'slurm_load_jobs error: Invalid job id specified\n', 1],
  [['squeue', '-h', '-j', '99999,99998'], '', 0],
  [['squeue', '-j', 'abc'], 'squeue: error: Invalid job id: abc\n', 1],
  [['squeue', '--nosuch'], 'squeue: unrecognized option \'--nosuch\'\nTry "squeue --help" for more information\n', 1],
  [['sacct', '-n', '-j', '99999'], '', 0],
  [['sacct', '-n', '-j', 'abc'], 'sacct: fatal: Bad job/step specified: abc\n', 1],
  [['sacct', '-o', 'nosuch'], 'sacct: error: Invalid field requested: "nosuch"\n', 1],
  [['sacct', '--state', 'xx'], "sacct: fatal: unrecognized job state value 'xx'\n", 1],
  [['sacct', '--starttime', 'garbage'], 'Invalid time specification (pos=0): garbage\n', 1],
  [['scontrol', 'show', 'job', '99999'], 'slurm_load_jobs error: Invalid job id specified\n', 1],
  [['scontrol', 'show', 'job', 'abc'], 'scontrol_print_job error: Invalid job id specified\n', 1],
  [['scontrol', 'show', 'nosuch'], 'invalid entity:nosuch for keyword:show \n', 1],
  [['scancel', '99999'], '', 0],
  [['scancel', 'abc'], 'scancel: error: Invalid job id abc\n', 1],
  [['scancel'], 'scancel: error: No job identification provided\n', 1],
  [['sbatch', 'nosuch.sh'], 'sbatch: error: Unable to open file nosuch.sh\n', 1],
  [
    ['sbatch', '--nosuchopt', 'ok.sh'],
    'sbatch: unrecognized option \'--nosuchopt\'\nTry "sbatch --help" for more information\n',
    255,
  ],
  [['sbatch', '--time=abc', 'ok.sh'], 'sbatch: error: Invalid --time specification\n', 255],
  [['sbatch', '--mem=xx', 'ok.sh'], 'sbatch: error: Invalid --mem specification\n', 255],
  [
    ['sbatch', '-p', 'nopart', 'ok.sh'],
    'sbatch: error: invalid partition specified: nopart\nsbatch: error: Batch job submission failed: Invalid partition name specified\n',
    1,
  ],
  [['sbatch', 'empty.sh'], 'sbatch: error: Batch script is empty!\n', 1],
  [
    ['sbatch', 'plain.sh'],
    'sbatch: error: This does not look like a batch script.  The first\nsbatch: error: line must start with #! followed by the path to an interpreter.\nsbatch: error: For instance: #!/bin/sh\n',
    1,
  ],
  [
    ['sbatch', 'dos.sh'],
    'sbatch: error: Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n).\n',
    1,
  ],
];

/** A job of each recorded kind. */
async function jobs(cluster: TestCluster): Promise<Map<string, number>> {
  const { slurm, submit, home } = cluster;
  const ids = new Map<string, number>();
  const one = async (...args: Parameters<typeof submit>): Promise<number> => {
    const id = await submit(...args);
    ids.set(args[0], id);
    return id;
  };
  for (const id of [await one('ok', 'true'), await one('fail', 'exit 3'), await one('sig', 'kill -SEGV $$')])
    await ended(slurm, id);
  await ended(slurm, await one('timeout', 'sleep 600', { flags: { time: '1' } }));
  await ended(slurm, await one('bad-output-path', 'true', { output: '/no/such/folder/log' }));
  await one('held', 'true', { flags: { hold: '' } });
  const running = await one('cancel-run', 'echo begun; sleep 600');
  const waiting = await one('cancel-pend', 'true', { flags: { 'cpus-per-task': '2' } });
  await logWith(slurm, running, 'begun');
  for (const id of [waiting, running]) await slurm.cancel(id);
  await ended(slurm, running);
  await writeFile(join(home, 'ok.sh'), '#!/bin/sh\n');
  await writeFile(join(home, 'empty.sh'), '');
  await writeFile(join(home, 'plain.sh'), 'echo\n');
  await writeFile(join(home, 'dos.sh'), '#!/bin/sh\r\necho\r\n');
  return ids;
}

const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`;

test('output has the fields, widths and words of the real one', { timeout: 180_000 }, async () => {
  const cluster = await testCluster({ cpus: 2, minuteMs: 500 });
  const { run } = cluster;
  const ids = await jobs(cluster);
  const uid = String(process.getuid?.() ?? 0);
  const id = (name: string): string => String(ids.get(name));

  const table = await run(
    'sacct',
    '--parsable2',
    '-X',
    '-o',
    'JobID,JobIDRaw,JobName,State,ExitCode,Reason',
    '-j',
    [...ids.values()].join(','),
  );
  const found = table.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
  expect(found[0]).toEqual(recorded[0]);
  for (const row of recorded.slice(1)) {
    const [, , name = '', ...fields] = row;
    const expected = [id(name), id(name), name, ...fields.map((text) => text.replace('1001', uid))];
    expect(found.find((line) => line[2] === name)).toEqual(expected);
  }

  // BIOMERO's own questions.
  const all = await run(
    'sacct',
    '-n',
    '-o',
    'JobId,State,End',
    '-X',
    '-j',
    id('ok'),
    '-j',
    id('cancel-run'),
    '-j',
    id('held'),
  );
  expect(all.stdout).toMatch(
    new RegExp(
      `^${id('ok').padEnd(12)}  COMPLETED ${time} \n${id('held').padEnd(12)}    PENDING             Unknown \n${id('cancel-run').padEnd(12)} CANCELLED\\+ ${time} \n$`,
    ),
  );
  const completed = await run(
    'sacct',
    '--starttime',
    '2023-01-01',
    '--endtime',
    'now',
    '--state',
    'cd',
    '-o',
    'JobId',
    '-n',
    '-X',
  );
  expect(completed.stdout).toBe(`${id('ok').padEnd(12)} \n`);
  const inState = async (states: string): Promise<string[]> => {
    const window = ['--starttime', '2023-01-01', '--endtime', 'now', '--state', states];
    return (await run('sacct', ...window, '-o', 'JobId', '-n', '-P', '-X')).stdout.trim().split('\n');
  };
  expect(await inState('f,to')).toEqual(['fail', 'sig', 'timeout', 'bad-output-path'].map(id));
  // Those that were running at some time within, as the real one has it.
  expect(await inState('r')).toEqual(['ok', 'fail', 'sig', 'timeout', 'bad-output-path', 'cancel-run'].map(id));

  expect((await run('sacct', '-j', id('ok'))).stdout.replaceAll(/ {3,}root /g, ' USER ')).toMatch(
    /^JobID {11}JobName  Partition {4}Account  AllocCPUS {6}State ExitCode \n------------ ---------- ---------- ---------- ---------- ---------- -------- \n\d+ {2,}ok +main .+ 1  COMPLETED {6}0:0 \n\d+\.batch +batch .+ 1  COMPLETED {6}0:0 \n$/,
  );
  expect((await run('sacct', '-n', '-X', '-j', id('ok'), '--format=JobID%20,State%-12')).stdout).toBe(
    `${id('ok').padStart(20)} COMPLETED    \n`,
  );
  expect(
    (await run('sacct', '-n', '-P', '-X', '-o', 'Start,End,NodeList,Timelimit', '-j', id('cancel-pend'))).stdout,
  ).toMatch(new RegExp(`^None\\|${time}\\|None assigned\\|UNLIMITED\n$`));

  expect((await run('squeue')).stdout).toMatch(
    /^ {13}JOBID PARTITION {5}NAME {5}USER ST {7}TIME  NODES NODELIST\(REASON\)\n +\d+ {6}main {5}held .{8} PD {7}0:00 {6}1 \(JobHeldUser\)\n$/,
  );
  expect((await run('squeue', '-h', '-O', 'JobID,Name:8,State,Reason')).stdout).toBe(
    `${id('held').padEnd(20)}held    PENDING             JobHeldUser         \n`,
  );
  expect((await run('squeue', '-O', 'JobID:10,Name:8,State')).stdout.split('\n')[0]).toBe(
    'JOBID     NAME    STATE               ',
  );
  expect(
    (await run('squeue', '-h', '-t', 'all', '-o', '%A|%j|%T|%t|%r|%N|%l|%u', '-j', `${id('sig')},${id('cancel-run')}`))
      .stdout,
  ).toMatch(
    new RegExp(
      `^${id('cancel-run')}\\|cancel-run\\|CANCELLED\\|CA\\|None\\|localhost\\|UNLIMITED\\|\\S+\n${id('sig')}\\|sig\\|FAILED\\|F\\|NonZeroExitCode\\|localhost\\|UNLIMITED\\|\\S+\n$`,
    ),
  );

  expect((await run('scontrol', 'show', 'job', id('fail'))).stdout).toMatch(
    new RegExp(
      `^JobId=${id('fail')} JobName=fail\n   UserId=\\S+\\(${uid}\\) [^]*\n   JobState=FAILED Reason=NonZeroExitCode Dependency=\\(null\\)\n[^]* ExitCode=3:0\n[^]*\n   StdOut=${cluster.home}/omero-${id('fail')}\\.log\n   Power=\n   \n\n$`,
    ),
  );
  for (const [argv, stderr, code] of refusals)
    expect({ argv, ...(await run(...argv)) }).toMatchObject({ argv, stderr, code });
  expect((await run('sbatch', 'ok.sh')).stdout).toMatch(/^Submitted batch job \d+\n$/);
  expect((await run('sbatch', '--parsable', 'ok.sh')).stdout).toMatch(/^\d+\n$/);
});

test('log file patterns, also with widths, and wrapped commands', async () => {
  const { slurm, run, home } = await testCluster();
  const answer = await run(
    'sbatch',
    '--parsable',
    '-o',
    'x-%x-%N-%n-%t-%%-%5j.log',
    '-J',
    'n m',
    '--wrap',
    'echo hi; echo "$CONFIG"',
    '--export=ALL,CONFIG=a b',
  );
  const id = Number(answer.stdout);
  await until(slurm, id, (state) => state.terminal);
  expect((await run('cat', join(home, `x-n m-localhost-0-0-%-${String(id).padStart(5, '0')}.log`))).stdout).toBe(
    'hi\na b\n',
  );
});
