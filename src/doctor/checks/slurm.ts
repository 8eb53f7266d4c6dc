import type { Transport } from '../../slurm/transport.ts';
import type { DoctorCheck } from '../check.ts';

const commands = ['sbatch', 'squeue', 'sacct', 'scancel', 'scontrol'];
const present = 'for name; do command -v -- "$name" >/dev/null 2>&1 || echo "$name"; done';

export const slurm: DoctorCheck = {
  id: 'slurm',
  title: 'Slurm',
  tests: "Looks for Slurm's commands on the cluster, asks for its version, and whether its controller answers.",
  roles: ['worker'],
  needs: ['cluster'],
  run: async ({ transport }) => {
    if (!transport) return { outcome: 'skipped', found: 'no cluster is configured' };
    const missing = (await transport.exec(['sh', '-c', present, 'sh', ...commands])).stdout
      .split(/\s+/)
      .filter(Boolean);
    if (missing.length)
      return {
        outcome: 'problem',
        found: `${transport.name} has no command ${missing.join(', ')}`,
        remedy:
          'Put the commands of Slurm in the PATH of non-interactive logins of this account (~/.bashrc, not ~/.profile).',
        who: 'admin',
      };
    const ping = await transport.exec(['scontrol', 'ping']);
    if (ping.code !== 0 || !/\bis UP\b/i.test(ping.stdout))
      return {
        outcome: 'problem',
        found: `Slurm's controller does not answer: ${(ping.stderr || ping.stdout).trim() || `scontrol ended with ${ping.code}`}`,
        remedy: 'Ask the cluster whether Slurm is up; runs wait meanwhile, and nothing is lost.',
        who: 'it',
      };
    return { outcome: 'ok', found: `${await versionOf(transport)}; its controller answers` };
  },
};

async function versionOf(transport: Transport): Promise<string> {
  const asked = await transport.exec(['sbatch', '--version']);
  const version = /slurm\S*\s+\S+/i.exec(asked.stdout)?.[0];
  if (version) return version;
  const { stdout } = await transport.exec(['scontrol', 'show', 'config']);
  return `slurm ${/SLURM_VERSION\s*=\s*(\S+)/.exec(stdout)?.[1] ?? 'of unknown version'}`;
}
