import type { SlurmConfig } from '../../config/config.ts';
import type { DoctorCheck } from '../check.ts';

export const partitions: DoctorCheck = {
  id: 'partitions',
  title: 'partitions',
  tests: 'Looks whether every partition that slurm-config.ini names exists on the cluster and takes jobs.',
  roles: ['worker'],
  needs: ['slurm'],
  run: async ({ transport, config }) => {
    if (!transport) return { outcome: 'skipped', found: 'no cluster is configured' };
    const named = namedPartitions(config.slurm);
    if (!named.size) return { outcome: 'skipped', found: "none is named: jobs go to the cluster's default one" };
    const { stdout, stderr, code } = await transport.exec(['sinfo', '-h', '-o', '%R|%a']);
    if (code === 127) return { outcome: 'skipped', found: 'the cluster has no command sinfo' };
    if (code !== 0) return { outcome: 'unknown', found: `sinfo: ${stderr.trim() || `it ended with ${code}`}` };
    const states = new Map(stdout.split('\n').flatMap((line) => (line.includes('|') ? [split(line)] : [])));
    const wrong = [...named].flatMap(([name, keys]) => {
      const state = states.get(name);
      if (state === 'up') return [];
      return [`${name} (${keys.join(', ')}) ${state === undefined ? 'does not exist' : `is ${state}`}`];
    });
    if (!wrong.length) return { outcome: 'ok', found: `${[...named.keys()].join(', ')}: up` };
    return {
      outcome: 'problem',
      found: `${wrong.join('; ')}; there are ${[...states.keys()].join(', ') || 'none'}`,
      remedy: 'Name partitions of this cluster in slurm-config.ini, open to the account of the worker.',
      who: 'admin',
    };
  },
};

function split(line: string): [string, string] {
  const [name = '', state = ''] = line.split('|');
  return [name, state.trim()];
}

/** Partitions with the keys that name them; a flag may list several. */
function namedPartitions(slurm: SlurmConfig): Map<string, string[]> {
  const named = new Map<string, string[]>();
  const add = (key: string, value: string | null | undefined): void => {
    for (const name of (value ?? '').split(',').map((n) => n.trim()))
      if (name) named.set(name, [...(named.get(name) ?? []), key]);
  };
  add('slurm_default_partition', slurm.defaultPartition);
  add('sbatch_partition', slurm.sbatch['partition']);
  add('slurm_conversion_partition', slurm.submission?.conversionPartition);
  add('gpu_partition', slurm.submission?.gpuPartition);
  for (const { name, flags } of Object.values(slurm.workflows)) add(`${name}_job_partition`, flags['partition']);
  return named;
}
