/** For tests: a site on a database of its own, whose cluster is a folder with commands of the test's choice. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestDatabase } from '../../../test/support/postgres.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { readConfig } from '../../config/load.ts';
import { bridgeError } from '../../domain/errors.ts';
import { LocalTransport } from '../../slurm/local.ts';
import type { DoctorCheck, DoctorResult, DoctorSite } from '../check.ts';
import { runDoctor, type DoctorOptions } from '../run-doctor.ts';

const refused = (): Promise<never> => Promise.reject(bridgeError('DATABASE_ROLE_REFUSED', {}));

/** Slurm's commands as a sound cluster answers them, as shell scripts. */
export const soundSlurm: Readonly<Record<string, string>> = {
  sbatch: 'echo "slurm 23.11.4"',
  squeue: 'exit 0',
  scancel: 'exit 0',
  sacct: 'echo 7',
  scontrol: 'echo "Slurmctld(primary) at head is UP"',
  sinfo: "printf 'cpu|up\\ngpu|down\\n'",
};

/** Without databases where none is given. OMERO refuses everybody. */
export async function doctorSite(database: TestDatabase | null, change: Partial<DoctorSite> = {}): Promise<DoctorSite> {
  const { config } = await readConfig({ IMPORTER_ENABLED: 'true' }, []);
  const url = database?.url ?? '';
  return {
    config: {
      ...config,
      notes: [],
      databases: { runs: url, orders: url },
      omero: { ...config.omero, host: 'omero' },
      importer: { ...config.importer, command: [] },
      storage: { baseDir: await temporaryFolder('doctor'), mappingFiles: [] },
    },
    problems: [],
    roles: ['worker', 'importer', 'web'],
    runs: database?.pool ?? null,
    orders: database?.pool ?? null,
    omero: { admin: refused, as: refused },
    transport: null,
    log: pino({ level: 'silent' }),
    now: Date.now,
    nodeVersion: '22.1.0',
    signal: new AbortController().signal,
    answerMs: 100,
    probe: false,
    smoke: false,
    smokeMs: 60_000,
    actAs: null,
    ...change,
  };
}

/** A cluster that is this machine, with these commands before all others. */
export async function fakeCluster(commands: Readonly<Record<string, string>>): Promise<LocalTransport> {
  const home = await temporaryFolder('cluster');
  await mkdir(join(home, 'bin'));
  for (const [name, text] of Object.entries(commands)) {
    await writeFile(join(home, 'bin', name), `#!/bin/sh\n${text}\n`);
    await chmod(join(home, 'bin', name), 0o755);
  }
  return new LocalTransport({ home, env: { PATH: `${join(home, 'bin')}:/usr/bin:/bin`, HOME: home } });
}

/** What one check finds. */
export async function lookWith(
  check: DoctorCheck,
  site: DoctorSite,
  options: DoctorOptions = {},
): Promise<DoctorResult> {
  const [result] = await runDoctor(site, { ...options, checks: [check] });
  if (!result) throw new Error(`${check.id} does not concern ${site.roles.join(', ')}`);
  return result;
}
