import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checks } from '../../src/doctor/checks.ts';
import { doctorDefaults, runDoctor } from '../../src/doctor/run-doctor.ts';
import { importJob, type ImportJobRequest } from '../../src/runs/import-job.ts';
import { ClusterSite } from '../support/cluster-site.ts';
import { describeWithPart } from '../support/optional-part.ts';
import { slurmIsInstalled } from '../support/slurm-cluster.ts';
import { sshIsInstalled } from '../support/ssh-server.ts';

/*
 * Runs on a cluster as sites have them: a real Slurm with accounting, reached through the real OpenSSH client only. Two
 * workers share the work. They look at quiet jobs every five seconds at most, so that what comes sooner came by a hint.
 */
const copy = 'cp "$DATA_PATH"/data/in/* "$DATA_PATH/data/out/"';
const announce = 'echo "Running slow Job w/ images | image.sif | $DATA_PATH | scripts |"';

const patience = 180_000;

describeWithPart('Slurm', slurmIsInstalled && sshIsInstalled, 'runs on a real Slurm through OpenSSH', () => {
  let site: ClusterSite;
  let dataset = 0;

  beforeAll(async () => {
    site = await ClusterSite.open({
      copy: `${copy}; printf "%s" "$TEXT" >"$DATA_PATH/data/out/text.bin"`,
      slow: `${announce}; echo 40%; sleep "\${DURATION:-3}"; ${copy}`,
      // Its first attempt goes on until it is put back into the queue, however slow the test's machine is.
      again: `${announce}; [ -n "$SLURM_RESTART_COUNT" ] || sleep 600; ${copy}`,
      fails: 'exit 3',
      array: `#SBATCH --array=0-2\nsleep 1; cp "$DATA_PATH"/data/in/plain.tif "$DATA_PATH/data/out/$SLURM_ARRAY_TASK_ID.tif"`,
      late: 'printf "5 table.csv\\0" >"$DATA_PATH/data/out.manifest"',
      generated: '',
    });
    execFileSync('rm', [join(site.home, 'slurm-scripts', 'jobs', 'generated.sh')]);
    await site.start('worker', 'importer');
    await site.start('worker');
    dataset = await site.dataset(['plain.tif', "it's $HOME; 1.tif", 'ü.tif', 'plain.tif']);
  }, 120_000);
  afterAll(() => site?.close(), 60_000);

  const jobOf = (id: string): Promise<number> => site.until(async () => (await site.view(id)).jobId);
  const word = async (id: string): Promise<string | null> =>
    (await site.database.pool.query('select job_state from bridge.runs where id = $1', [id])).rows[0]?.job_state;
  const running = (id: string): Promise<unknown> => site.until(async () => (await word(id)) === 'RUNNING');
  const dataOf = (workflow: string, id: string): string => join(site.home, 'my-scratch', 'data', `${workflow}_${id}`);

  test('the doctor finds the cluster sound, and names a partition that it does not have', async () => {
    const { config } = site;
    const { transport } = site.importContext();
    const ids = ['cluster', 'slurm', 'accounting', 'partitions', 'cluster-folders', 'cluster-clock'];
    const clusterChecks = checks.filter((check) => ids.includes(check.id));
    const look = async (slurm: typeof config.slurm): Promise<string[]> => {
      const parts = { runs: null, orders: null, omero: site.apps[0]?.omero, log: pino({ level: 'silent' }) };
      if (!parts.omero) throw new Error('start a role first');
      const doctorSite = { ...doctorDefaults, ...parts, omero: parts.omero, transport, roles: ['worker'] as const };
      const results = await runDoctor({ ...doctorSite, config: { ...config, slurm } }, { checks: clusterChecks });
      return results.map((r) => `${r.id} ${r.outcome}: ${r.found}`);
    };
    const imagesPath = 'slurm-scripts';
    const sound = await look({ ...config.slurm, imagesPath });
    expect(sound.filter((text) => !/^\S+ (ok|skipped)/.test(text))).toEqual([]);
    expect(sound.join('\n')).toMatch(/slurm ok: slurm\S* \d+\.\d+/);
    expect((await look({ ...config.slurm, imagesPath, defaultPartition: 'no-such' })).join('\n')).toMatch(
      /partitions problem: no-such \(slurm_default_partition\) does not exist/,
    );
  });

  test(
    'a dataset goes to the cluster, and its results come home into OMERO',
    async () => {
      const text = 'a \'b\' "c" $(id) `id` \\ \n\t ü🜁 ';
      const id = await site.launch('copy', dataset, { text });
      const view = await site.ended(id);
      expect(view).toMatchObject({ state: 'done', group: 'annotate', user: 'alice' });
      const results = join(view.archive?.path ?? '', `${view.jobId}_out`, 'data', 'out');
      expect(readFileSync(join(results, 'text.bin'), 'utf8')).toBe(text);
      expect(view.results.filter((r) => r.import === 'imported')).toHaveLength(4);
      for (const [index, name] of ['plain.tif', "it's $HOME; 1.tif", 'ü.tif'].entries())
        expect(
          readFileSync(join(results, name)).equals(
            readFileSync(join(site.folder, 'storage', 'annotate', `input-${index}`, name)),
          ),
        ).toBe(true);
      execFileSync('sha256sum', ['-c', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: view.archive?.path });
      // Archive and import stand: what is left on the cluster is removed, with the log that is archived too.
      await site.until(async () => (await site.view(id)).clusterData.state === 'removed');
      expect(existsSync(dataOf('copy', id))).toBe(false);
      expect(existsSync(join(site.home, `omero-${view.jobId}.log`))).toBe(false);
    },
    patience,
  );

  test(
    'a workflow with a descriptor only: its job script is made, its parameters are checked',
    async () => {
      writeFileSync(
        join(site.folder, 'descriptors', 'generated.json'),
        JSON.stringify({
          name: 'generated',
          'schema-version': 'biomero-0.1',
          'container-image': { image: 'org/generated' },
          version: '2.0',
          inputs: [{ id: 'diameter', type: 'float', 'default-value': 1.5, 'command-line-flag': '--diameter' }],
        }),
      );
      site.program('bin/apptainer', `#!/bin/sh\n${copy}; printf '%s\\n' "$@" >"$DATA_PATH/data/out/words.txt"\n`);
      await expect(site.launch('generated', dataset, { diameter: 'wide' })).rejects.toThrow(/"wide" is not a number/);
      const id = await site.launch('generated', dataset, { diameter: '12' });
      const view = await site.ended(id);
      expect(view).toMatchObject({ state: 'done', workflowVersion: '2.0', parameters: { diameter: 12 } });
      const words = join(view.archive?.path ?? '', `${view.jobId}_out`, 'data', 'out', 'words.txt');
      expect(readFileSync(words, 'utf8').split('\n')).toEqual(
        expect.arrayContaining(['images/generated/generated_2.0.sif', '--diameter=12', '--infolder']),
      );
    },
    patience,
  );

  test('failed, cancelled, out of time, put back into the queue, and an array', async () => {
    const [fails, cancelled, late, requeued, array] = await Promise.all([
      site.launch('fails', dataset),
      site.launch('slow', dataset, { duration: 600 }),
      site.launch('slow', dataset, { duration: 600 }),
      site.launch('again', dataset),
      site.launch('array', dataset),
    ]);
    const requeuedJob = await jobOf(requeued);
    const queued = (state: string): Promise<unknown> =>
      site.until(
        async () => site.slurm.command('squeue', '-h', '-o', '%T', `-j${requeuedJob},1`) === state,
        120_000,
        async () => `Wanted ${state}; ${site.slurm.command('scontrol', '-o', 'show', 'job', String(requeuedJob))}`,
      );
    await queued('RUNNING');
    site.slurm.command('scontrol', 'requeue', String(requeuedJob));
    await queued('PENDING');
    // In the second in which the first attempt was killed Slurm refuses to start it again, and calls it FAILED.
    site.slurm.command('scontrol', 'update', `jobid=${requeuedJob}`, 'StartTime=now+3');

    expect((await site.ended(fails, 120_000)).failure).toMatchObject({
      code: 'JOB_FAILED',
      message: expect.stringMatching(/ended FAILED \(exit 3:0\): the program ended with an error/),
    });
    // What a failed job left stays, and people are told where.
    expect((await site.view(fails)).failure?.message).toContain(`my-scratch/data/fails_${fails}`);
    expect(existsSync(dataOf('fails', fails))).toBe(true);
    expect(await site.ended(array, 120_000)).toMatchObject({ state: 'done', imagesFound: 3 });

    const cancelledJob = await jobOf(cancelled);
    await running(cancelled);
    site.slurm.command('scancel', String(cancelledJob));
    expect((await site.ended(cancelled, 120_000)).failure?.message).toMatch(/ended CANCELLED .*somebody cancelled it/);

    const lateJob = await jobOf(late);
    await running(late);
    site.slurm.command('scontrol', 'update', `jobid=${lateJob}`, 'EndTime=now');

    expect(await site.ended(requeued, 120_000)).toMatchObject({
      state: 'done',
      failure: null,
      jobId: requeuedJob,
      imagesFound: 4,
    });
    const failure = (await site.ended(late, 120_000)).failure;
    expect(failure?.message).toMatch(/ended TIMEOUT .*more time than it was allowed/);
    expect(failure?.remedy).toMatch(/longer time limit/);
  }, 300_000);

  test(
    'the accounting database stops for a while: the queue tells the end',
    async () => {
      const id = await site.launch('slow', dataset);
      await jobOf(id);
      await site.slurm.end('slurmdbd');
      try {
        expect(await site.ended(id)).toMatchObject({ state: 'done', imagesFound: 4 });
      } finally {
        await site.slurm.start('slurmdbd');
      }
    },
    patience,
  );

  test(
    'the login node goes away while a job runs: said with the time, never a failure',
    async () => {
      const id = await site.launch('slow', dataset, { duration: 6 });
      await jobOf(id);
      await site.ssh.kill();
      const waiting = await site.until(async () => {
        const view = await site.view(id);
        return view.state === 'attention' && view;
      });
      expect(waiting.sentence).toMatch(/Cluster unreachable since 20\d\d-/);
      await site.ssh.start();
      expect(await site.ended(id)).toMatchObject({ state: 'done', failure: null, imagesFound: 4 });
    },
    patience,
  );

  test(
    'the login node goes away in mid-transfer: the archive is whole at the next attempt',
    async () => {
      const once = join(site.home, 'halted');
      site.program(
        'bin/tar',
        `#!/bin/sh\n[ "$1" = -c ] && mkdir '${once}' 2>/dev/null || exec /usr/bin/tar "$@"\n` +
          `/usr/bin/tar "$@" | { head -c 5000; touch '${once}/now'; sleep 600; }\n`,
      );
      const id = await site.launch('copy', dataset, { text: 'x'.repeat(20_000) });
      await site.until(async () => existsSync(join(once, 'now')));
      await site.ssh.kill();
      await site.until(async () => (await site.view(id)).state === 'attention');
      await site.ssh.start();
      const view = await site.ended(id);
      expect(view).toMatchObject({ state: 'done', imagesFound: 4 });
      execFileSync('sha256sum', ['-c', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: view.archive?.path });
    },
    patience,
  );

  test(
    'results that appear seconds after the end of the job',
    async () => {
      const id = await site.launch('late', dataset);
      await site.until(async () => (await word(id)) === 'COMPLETED');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      writeFileSync(join(dataOf('late', id), 'data', 'out', 'table.csv'), 'a,b\n1');
      const view = await site.ended(id);
      expect(view).toMatchObject({ state: 'done', archiveSafe: true });
      expect(view.results.map((r) => r.path.split('/').at(-1))).toContain('table.csv');
    },
    patience,
  );

  test(
    'a job that somebody else has run comes home by its id; a path from its log is not trusted',
    async () => {
      const context = site.importContext();
      const request = (jobId: number): ImportJobRequest => ({
        jobId,
        workflowId: null,
        pythonTaskId: null,
        destination: null,
        delivery: null,
        userName: 'alice',
        groupName: 'annotate',
        cleanup: false,
        ended: false,
      });
      const run = async (path: string): Promise<number> => {
        const argv = ['sbatch', '--parsable', '--output=omero-%j.log', 'slurm-scripts/jobs/slow.sh'];
        const { stdout } = await context.transport.exec(argv, { env: { DATA_PATH: path, DURATION: '0' } });
        const id = Number(stdout);
        await site.until(async () => (await context.slurm.observe([id])).get(id)?.terminal);
        return id;
      };
      const workflow = randomUUID();
      const data = join(site.home, 'my-scratch', 'data', `theirs_${workflow}`);
      for (const name of ['in', 'out']) mkdirSync(join(data, 'data', name), { recursive: true });
      writeFileSync(
        join(data, 'data', 'in', 'a.tif'),
        readFileSync(join(site.folder, 'storage', 'annotate', 'input-0', 'plain.tif')),
      );
      const job = await run(data);
      expect(await importJob(context, request(job))).toBe(workflow);
      const view = await site.ended(workflow);
      expect(view).toMatchObject({ state: 'done', jobId: job, imagesFound: 1, clusterData: { state: 'keep' } });
      expect(existsSync(data)).toBe(true);
      await expect(importJob(context, request(job))).rejects.toMatchObject({ code: 'JOB_ALREADY_OURS' });

      const outside = join(site.folder, 'storage', 'annotate');
      mkdirSync(join(outside, 'data', 'in'), { recursive: true });
      mkdirSync(join(outside, 'data', 'out'), { recursive: true });
      writeFileSync(join(outside, 'data', 'in', 'secret.tif'), 'x');
      const hostile = await run(outside);
      await expect(importJob(context, request(hostile))).rejects.toMatchObject({ code: 'DATA_PATH_REFUSED' });
      await expect(importJob(context, request(999_999))).rejects.toMatchObject({ code: 'JOB_UNKNOWN_HERE' });
    },
    patience,
  );

  test(
    'results that could not be stored stop a run before its job is submitted; it goes on once they could',
    async () => {
      const { storage } = site.config;
      const before = storage.baseDir;
      const group = join(site.folder, 'other-storage', 'annotate');
      mkdirSync(group, { recursive: true });
      writeFileSync(join(group, '.analyzed'), 'no folder');
      Object.assign(storage, { baseDir: join(site.folder, 'other-storage') });
      try {
        const id = await site.launch('copy', dataset);
        const waiting = await site.until(async () => {
          const view = await site.view(id);
          return view.state === 'attention' && view;
        });
        // Who may not write where, in whose group, and what to do about it.
        expect(waiting.sentence).toMatch(
          new RegExp(`uid:gid \\d+:\\d+\\) cannot write in \\S+ for group "annotate": .* Give uid \\d+ write access`),
        );
        expect(waiting.jobId).toBeNull();
        const jobs = ['sacct', '-n', '-P', '-X', '--starttime=now-1hour', `--name=copy-${id}`, '-o', 'JobID'] as const;
        expect(site.slurm.command(...jobs)).toBe('');
        expect(site.slurm.command('squeue', '-h', '-t', 'all', '-n', `copy-${id}`, '-o', '%A')).toBe('');
        expect(existsSync(dataOf('copy', id))).toBe(false);

        // The group's folder is made where there is none yet.
        rmSync(group, { recursive: true });
        const view = await site.ended(id);
        expect(view).toMatchObject({ state: 'done', group: 'annotate', imagesFound: 4 });
        expect(view.archive?.path.startsWith(`${group}/.analyzed/${id}/`)).toBe(true);
        const { rows } = await site.database.pool.query('select group_id, group_name from bridge.runs where id = $1', [
          id,
        ]);
        const found = await (await site.apps[0]?.omero.admin())?.findGroup('annotate');
        expect(rows).toEqual([{ group_id: found?.id, group_name: 'annotate' }]);
      } finally {
        Object.assign(storage, { baseDir: before });
      }
    },
    patience,
  );

  test(
    'two workers have done no step twice: one job, one archive and one order for each run',
    async () => {
      const { rows } = await site.database.pool.query(
        `select r.workflow || '-' || r.id as name, r.job_id::int, r.outcome,
         (select count(*)::int from bridge.archives a where a.run_id = r.id) as archives,
         (select count(*)::int from bridge.run_orders o where o.run_id = r.id) as orders
       from bridge.runs r where r.data_path not like '/%'`,
      );
      expect(rows.length).toBeGreaterThan(8);
      const jobsNamed = (name: string): string[] =>
        site.slurm
          .command('sacct', '-n', '-P', '-X', '--starttime=now-1hour', `--name=${name}`, '-o', 'JobID')
          .split('\n')
          .map((text) => text.replace(/_.*/, ''));
      for (const row of rows) {
        if (row.outcome === 'done') expect(row).toMatchObject({ archives: 1 });
        expect(row.orders).toBeLessThanOrEqual(1);
        // The controller tells the accounting later, all the more after an outage; in the order in which it took the jobs.
        const ids = await site.until(async () => {
          const recorded = jobsNamed(row.name);
          return recorded.includes(String(row.job_id)) && recorded;
        });
        expect([...new Set(ids)]).toEqual([String(row.job_id)]);
      }
      const holders = await site.database.pool.query(
        `select count(distinct holder)::int as n from bridge.leases where resource like 'run:%'`,
      );
      expect(holders.rows[0].n).toBe(2);
    },
    patience,
  );
});
