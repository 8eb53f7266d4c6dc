import type { DoctorCheck } from '../check.ts';

const script = 'id -un; uname -n; pwd';

export const cluster: DoctorCheck = {
  id: 'cluster',
  title: 'way to the cluster',
  tests: "Signs in to the cluster as the worker does: address, host key and key of the account's ssh configuration.",
  roles: ['worker'],
  needs: [],
  run: async ({ transport, now }) => {
    if (!transport) return { outcome: 'skipped', found: 'no cluster is configured' };
    const before = now();
    const { stdout, stderr, code } = await transport.exec(['sh', '-c', script]);
    const [user = '', machine = '', home = '', ...more] = stdout.trimEnd().split('\n');
    if (code !== 0)
      return {
        outcome: 'problem',
        found: `${transport.name} runs no shell command: ${stderr.trim() || `it ended with ${code}`}`,
        remedy: 'Give the account a login shell that may run commands.',
        who: 'it',
      };
    // Login scripts that print spoil every answer of the commands that follow.
    if (more.length || !home.startsWith('/'))
      return {
        outcome: 'problem',
        found: `${transport.name} prints more than it was asked for: ${JSON.stringify(stdout.slice(0, 200))}`,
        remedy: "Let the account's login scripts print only where the shell is interactive.",
        who: 'admin',
      };
    const took = `${((now() - before) / 1000).toFixed(1)} s`;
    return { outcome: 'ok', found: `${user} on ${machine}, in ${home}, after ${took}` };
  },
};
