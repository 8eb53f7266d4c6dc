import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import type { SlurmConfig } from '../../../config/config.ts';
import { LocalTransport } from '../../../slurm/local.ts';
import { Slurm, type JobState } from '../../../slurm/slurm.ts';
import type { Transport } from '../../../slurm/transport.ts';
import { startSlurm, type EmbeddedSlurm } from '../slurm.ts';

export const testConfig: SlurmConfig = {
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

/** The embedded Slurm in a folder of its own, and the product's adapter over it. */
export interface TestCluster {
  directory: string;
  home: string;
  embedded: EmbeddedSlurm;
  transport: Transport;
  slurm: Slurm;
  /** A job script of these commands; returns its name. */
  script(name: string, commands: string): Promise<string>;
  /** Submits a script of these commands under a name and returns the job's id. */
  submit(name: string, commands: string, more?: Partial<Parameters<Slurm['submit']>[0]>): Promise<number>;
  run(...argv: string[]): Promise<{ stdout: string; stderr: string; code: number }>;
}

export async function testCluster(options: Partial<Parameters<typeof startSlurm>[0]> = {}): Promise<TestCluster> {
  const directory = options.directory ?? (await temporaryFolder('slurm'));
  const log = pino({ level: 'silent' });
  const embedded = await startSlurm({ directory, log, runAs: null, cpus: 2, killWaitMs: 300, ...options });
  onTestFinished(() => embedded.close());
  return { ...adapterOn(directory, embedded.env), embedded };
}

/** The adapter on a cluster's folder, whoever runs its daemon. */
export function adapterOn(directory: string, env: Record<string, string>): Omit<TestCluster, 'embedded'> {
  const home = join(directory, 'home');
  const transport = new LocalTransport({ home, env });
  const slurm = new Slurm(transport, testConfig);
  const script: TestCluster['script'] = async (name, commands) => {
    await writeFile(join(home, testConfig.scriptPath, name), `#!/bin/bash\n${commands}\n`);
    return name;
  };
  let scripts = 0;
  return {
    directory,
    home,
    transport,
    slurm,
    script,
    submit: async (name, commands, more = {}) => {
      const file = await script(`script-${++scripts}.sh`, commands);
      return slurm.submit({ name, script: file, output: 'omero-%j.log', flags: {}, env: {}, ...more });
    },
    run: (...argv) => transport.exec(argv),
  };
}

/** Looks at a job until it fulfils a condition. */
export async function until(slurm: Slurm, id: number, condition: (state: JobState) => boolean): Promise<JobState> {
  for (;;) {
    const state = (await slurm.observe([id])).get(id);
    if (state && condition(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function ended(slurm: Slurm, id: number): Promise<JobState> {
  return until(slurm, id, (state) => state.terminal);
}

/** The job's log once it holds a text. */
export async function logWith(slurm: Slurm, id: number, text: string): Promise<string> {
  for (;;) {
    const log = (await slurm.readLog(id, 0))?.bytes.toString('utf8') ?? '';
    if (log.includes(text)) return log;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
