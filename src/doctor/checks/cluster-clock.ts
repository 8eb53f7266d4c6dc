import type { DoctorCheck } from '../check.ts';

const mostSeconds = 5;

export const clusterClock: DoctorCheck = {
  id: 'cluster-clock',
  title: "the cluster's clock",
  tests: "Compares this machine's clock with the cluster's.",
  roles: ['worker'],
  needs: ['cluster'],
  run: async ({ transport, now }) => {
    if (!transport) return { outcome: 'skipped', found: 'no cluster is configured' };
    const before = now();
    const { stdout } = await transport.exec(['date', '+%s']);
    const after = now();
    const there = /^\d+$/.test(stdout.trim()) ? Number(stdout) * 1000 : Number.NaN;
    if (Number.isNaN(there))
      return { outcome: 'unknown', found: `date answered ${JSON.stringify(stdout.slice(0, 100))}` };
    // It was asked at some moment between, and tells whole seconds.
    const ahead = Math.max(before - there - 1000, 0) / 1000 || Math.min(after - there, 0) / 1000;
    if (Math.abs(ahead) <= mostSeconds) return { outcome: 'ok', found: 'it tells the same time' };
    return {
      outcome: 'warning',
      found: `this machine is ${Math.abs(ahead).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} ${transport.name}`,
      remedy: "Let both follow the same time server: times of jobs and of files in archives are the cluster's.",
      who: 'it',
    };
  },
};
