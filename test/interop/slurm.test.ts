import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SlurmConfig } from '../../src/config/config.ts';
import { LocalTransport } from '../../src/slurm/local.ts';
import { Slurm, type JobState } from '../../src/slurm/slurm.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { slurmIsInstalled, startSlurmCluster, type SlurmCluster } from '../support/slurm-cluster.ts';

const config: SlurmConfig = {
  transport: 'local',
  host: 'slurm',
  home: null,
  dataPath: 'data',
  imagesPath: 'images',
  scriptPath: 'scripts',
  defaultPartition: null,
  sbatch: {},
  workflows: {},
  pollSeconds: 1,
};

describeWithPart('Slurm', slurmIsInstalled, 'the adapter and a real Slurm', () => {
  let cluster: SlurmCluster;
  let home: string;
  let transport: LocalTransport;
  let slurm: Slurm;
  let scripts = 0;

  beforeAll(async () => {
    cluster = await startSlurmCluster();
    home = await mkdtemp(join(tmpdir(), 'slurm-home-'));
    await mkdir(join(home, 'scripts'));
    transport = new LocalTransport({ home, env: cluster.env });
    slurm = new Slurm(transport, config);
  }, 90_000);
  afterAll(() => cluster?.stop());

  async function submit(
    name: string,
    commands: string,
    more: Partial<Parameters<Slurm['submit']>[0]> = {},
  ): Promise<number> {
    const script = `script-${++scripts}.sh`;
    await writeFile(join(home, 'scripts', script), `#!/bin/bash\n${commands}\n`);
    return slurm.submit({ name, script, output: 'omero-%j.log', flags: {}, env: {}, ...more });
  }

  async function until(id: number, condition: (state: JobState) => boolean): Promise<JobState> {
    for (;;) {
      const state = (await slurm.observe([id])).get(id);
      if (state && condition(state)) return state;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const ended = (id: number): Promise<JobState> => until(id, (s) => s.terminal && s.exit !== null);

  test('jobs end well, with an exit code, by a signal, and with no place for their output', async () => {
    const ok = await submit('ok', 'echo "$SLURM_JOB_ID"; printf "\\0\\377"');
    const fail = await submit('fail', 'exit 3');
    const signal = await submit('signal', 'kill -SEGV $$');
    const output = await submit('output', 'true', { output: '/no/such/folder/log' });
    const state = await ended(ok);
    expect(state).toMatchObject({
      word: 'COMPLETED',
      phase: 'succeeded',
      exit: '0:0',
      node: 'localhost',
      terminal: true,
    });
    expect(Math.abs((state.endedAt?.getTime() ?? 0) - Date.now())).toBeLessThan(30_000);
    expect((await slurm.readLog(ok, 0))?.bytes).toEqual(Buffer.concat([Buffer.from(`${ok}\n\0`), Buffer.from([0xff])]));
    expect(await ended(fail)).toMatchObject({ word: 'FAILED', phase: 'failed', exit: '3:0' });
    expect(await ended(signal)).toMatchObject({ word: 'FAILED', exit: '0:11' });
    expect(await ended(output)).toMatchObject({ word: 'FAILED', exit: '0:53' });
    expect(await slurm.readLog(output, 0)).toBeNull();
  });

  test('a waiting job tells why, and both kinds can be cancelled', async () => {
    const wide = await submit('wide', 'echo begun; sleep 600', { flags: { 'cpus-per-task': '2' } });
    await until(wide, (s) => s.phase === 'running');
    const waiting = await submit('waiting', 'true', { flags: { 'cpus-per-task': '2' } });
    const state = await until(waiting, (s) => s.reason !== null);
    expect(state).toMatchObject({
      word: 'PENDING',
      phase: 'queued',
      reason: 'Resources',
      startedAt: null,
      endedAt: null,
    });
    await slurm.cancel(waiting);
    await slurm.cancel(wide);
    expect(await ended(waiting)).toMatchObject({ word: 'CANCELLED', phase: 'cancelled' });
    expect(await ended(wide)).toMatchObject({ word: 'CANCELLED', phase: 'cancelled' });
    await slurm.cancel(wide);
    await slurm.cancel(999_999);
  });

  test('one name is one job, in the queue and after it', async () => {
    const first = await submit('only-one', 'true');
    expect(await submit('only-one', 'true')).toBe(first);
    await ended(first);
    // Accounting leaves out what became eligible in this very second.
    const ask = ['sacct', '-n', '-P', '-X', '--starttime=now-30days', '--name=only-one', '-o', 'JobID,JobName'];
    await expect.poll(async () => (await transport.exec(ask)).stdout, { timeout: 15_000 }).toBe(`${first}|only-one\n`);
    expect(await slurm.findByName('only-one')).toBe(first);
    expect(await slurm.findByName('only')).toBeNull();
  });

  test('names and variables arrive byte for byte', async () => {
    const name = 'a|b $(touch hacked);&*?~ %j <x> #! --wrap=x';
    const any = fc.string({
      unit: fc.constantFrom(...'ab \n\t\r$`\'"\\!*?[]{}()<>|&;#~=%,^-ü🜁\u0001\u007f'),
      maxLength: 40,
    });
    const values = ['', ' a  b ', 'a\nb\n', '$(touch hacked)', `"it's"`, '\\', 'ü🜁', 'ALL,X=1', ...fc.sample(any, 60)];
    const env = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
    const print = values.map((_, index) => `printf '%s\\0' "$V${index}"`).join('\n');
    const id = await submit(name, `printf '%s\\0' "$SLURM_JOB_NAME"\n${print}`, { env });
    expect(await ended(id)).toMatchObject({ phase: 'succeeded' });
    expect((await slurm.readLog(id, 0))?.bytes.toString('utf8').split('\0').slice(0, -1)).toEqual([name, ...values]);
    expect(await slurm.findByName(name)).toBe(id);
    // Accounting calls a job "allocation" until it has heard of the job's start.
    const accounted = ['sacct', '-n', '-P', '-X', '-o', 'JobName', '-j', String(id)];
    await expect.poll(async () => (await transport.exec(accounted)).stdout, { timeout: 15_000 }).toBe(`${name}\n`);
  });

  test('tasks of an array are one job', async () => {
    await writeFile(join(home, 'scripts', 'array.sh'), '#!/bin/sh\nsleep 1; [ "$SLURM_ARRAY_TASK_ID" != 2 ]\n');
    const answer = await transport.exec([
      'sbatch',
      '--parsable',
      '--array=1-4%2',
      '-o',
      '/dev/null',
      'scripts/array.sh',
    ]);
    const id = Number(answer.stdout);
    const seen = new Set<string>();
    const state = await until(id, (s) => {
      seen.add(s.phase);
      return s.terminal && s.exit !== null;
    });
    expect(state).toMatchObject({ word: 'FAILED', exit: '1:0' });
    expect(seen).toContain('running');
  });

  test('what cannot be a job is refused, and an unknown id is unknown', async () => {
    await expect(submit('gone', '', { script: 'gone.sh' })).rejects.toMatchObject({ code: 'JOB_REFUSED' });
    await expect(submit('partition', 'true', { flags: { partition: 'nowhere' } })).rejects.toThrow(
      /[Ii]nvalid partition/,
    );
    const states = await slurm.observe([999_998, 999_999]);
    expect([...states.values()].map((s) => [s.phase, s.terminal])).toEqual([
      ['unknown', false],
      ['unknown', false],
    ]);
  });
});
