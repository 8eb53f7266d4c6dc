import type { DoctorCheck } from '../check.ts';

export const accounting: DoctorCheck = {
  id: 'accounting',
  title: "Slurm's accounting",
  tests: 'Asks sacct, which alone remembers jobs that ended some minutes ago.',
  roles: ['worker'],
  needs: ['slurm'],
  run: async ({ transport }) => {
    if (!transport) return { outcome: 'skipped', found: 'no cluster is configured' };
    const argv = ['sacct', '-n', '-P', '-X', '--starttime=now-1hours', '-o', 'JobID'];
    const { stdout, stderr, code } = await transport.exec(argv, { env: { LC_ALL: 'C' } });
    if (code === 0) {
      const jobs = stdout.split('\n').filter(Boolean).length;
      return {
        outcome: 'ok',
        found: `it answers; ${jobs} ${jobs === 1 ? 'job' : 'jobs'} of this account within an hour`,
      };
    }
    const reason = stderr.trim().split('\n').at(-1) || `sacct ended with ${code}`;
    if (/accounting storage is disabled/i.test(stderr))
      return {
        outcome: 'warning',
        found: `it is off: a job whose end was not seen within the controller's memory (MinJobAge) stays unknown`,
        remedy: 'Run slurmdbd and set AccountingStorageType=accounting_storage/slurmdbd on the cluster.',
        who: 'it',
      };
    return {
      outcome: 'problem',
      found: `it cannot be asked: ${reason}`,
      remedy: 'Ask the cluster whether slurmdbd is up; runs wait meanwhile, and nothing is lost.',
      who: 'it',
    };
  },
};
