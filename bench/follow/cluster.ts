import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { SlurmConfig } from '../../src/config/config.ts';
import { Slurm } from '../../src/slurm/slurm.ts';
import { SshTransport } from '../../src/slurm/ssh.ts';
import { startSlurmCluster, type SlurmCluster } from '../../test/support/slurm-cluster.ts';
import { startSshServer, type SshServer } from '../../test/support/ssh-server.ts';

/** A real Slurm behind a real sshd that counts what it serves. */
export interface BenchCluster {
  home: string;
  ssh: SshServer;
  slurm: Slurm;
  transport: SshTransport;
  configFile: string;
  config: SlurmConfig;
  /** Absolute path of the file that hints are written to. */
  hintFile: string;
  /** Submits jobs that sleep so many seconds each and leave a mark when they end. */
  sleepers(seconds: readonly number[], push: 'off' | 'job' | 'both'): Promise<number[]>;
  /** When the job ended, by its own clock, in milliseconds. */
  endOf(jobId: number): number;
  stop(): Promise<void>;
}

export async function startBenchCluster(jobs: number): Promise<BenchCluster> {
  const home = mkdtempSync(join(tmpdir(), 'biomero-bridge-follow-'));
  mkdirSync(join(home, 'scripts'));
  mkdirSync(join(home, 'data'));
  writeFileSync(
    join(home, 'scripts', 'sleep.sh'),
    '#!/bin/sh\necho 10%\nsleep "$LENGTH"\ndate +%s.%N >"ended-$SLURM_JOB_ID"\n[ -z "$HINT" ] || echo "$SLURM_JOB_ID" >>"$HINT"\n',
  );
  const cluster: SlurmCluster = await startSlurmCluster({ cpus: jobs + 16 });
  const ssh = await startSshServer({ home, env: { SLURM_CONF: cluster.env['SLURM_CONF'] ?? '' } });
  const configFile = await ssh.configFile();
  const log = pino({ level: 'silent' });
  const transport = new SshTransport({ host: 'cluster', log, configFile });
  const config: SlurmConfig = {
    transport: 'ssh',
    host: 'cluster',
    home: null,
    dataPath: 'data',
    imagesPath: 'images',
    scriptPath: 'scripts',
    defaultPartition: null,
    sbatch: { mem: '1M' },
    workflows: {},
    pollSeconds: 5,
  };
  const slurm = new Slurm(transport, config);
  const hintFile = join(home, 'data', '.biomero-bridge-ended');
  let submitted = 0;
  return {
    home,
    ssh,
    slurm,
    transport,
    configFile,
    config,
    hintFile,
    sleepers: async (seconds, push) => {
      const ids: number[] = [];
      for (const length of seconds)
        ids.push(
          await slurm.submit({
            name: `bench-${++submitted}`,
            script: 'sleep.sh',
            output: 'omero-%j.log',
            flags: {},
            env: { LENGTH: String(length), HINT: push === 'off' ? '' : hintFile },
            hintFile: push === 'both' ? hintFile : null,
          }),
        );
      return ids;
    },
    endOf: (jobId) => Number(readFileSync(join(home, `ended-${jobId}`), 'utf8')) * 1000,
    stop: async () => {
      await transport.close();
      await ssh.stop();
      await cluster.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Seconds of processor time of this process and of the commands that it has run to their end. */
export function cpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  return ticks / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}
