import type { Cluster } from './cluster.ts';
import { hasEnded, type Job } from './job.ts';
import { optionTable, parseOptions, UsageError } from './options.ts';
import { refuse, type Answer, type Call } from './protocol.ts';
import { isMatch, parseJobIds, stateOf } from './selection.ts';

const options = optionTable(`
  account|A= batch|b ctld full|f hurry|H interactive|i jobname|n= name= nodelist|w= partition|p= qos|q= quiet|Q
  reservation|R= signal|s= state|t= user|u= verbose|v version|V wckey= me`);

/** `scancel`: ends jobs by id, name, user or state. As in Slurm, an id that nobody has is no error. */
export function scancel(call: Call, cluster: Cluster): Answer {
  let parsed;
  try {
    parsed = parseOptions(call.argv, options);
  } catch (error) {
    if (error instanceof UsageError)
      return refuse(`scancel: ${error.message}\nTry "scancel --help" for more information`);
    throw error;
  }
  const last = (...names: string[]): string | undefined => parsed.options.findLast(([n]) => names.includes(n))?.[1];
  if (last('signal') !== undefined) return refuse('scancel: error: --signal is not supported by the embedded Slurm');
  const ids = parseJobIds(parsed.rest);
  if (typeof ids === 'string') return refuse(`scancel: error: Invalid job id ${ids}`);
  const name = last('jobname', 'name');
  const user = last('me') === undefined ? last('user') : call.user;
  const stateText = last('state');
  const state = stateText === undefined ? undefined : stateOf(stateText);
  if (state === null) return refuse(`scancel: error: Invalid job state string: ${stateText}`);
  if (ids.length === 0 && [name, user, state, last('partition')].every((filter) => filter === undefined))
    return refuse('scancel: error: No job identification provided');

  const verbose = last('verbose') !== undefined;
  const texts: string[] = [];
  for (const job of cluster.jobs()) {
    if (ids.length ? !ids.some((id) => isMatch(job, id)) : hasEnded(job)) continue;
    if (!passes(job, name, user, state)) continue;
    if (verbose) texts.push(`scancel: Terminating job ${job.id}`);
    if (hasEnded(job)) {
      if (verbose)
        texts.push(`scancel: error: Kill job error on job id ${job.id}: Job/step already completing or completed`);
    } else cluster.cancel(job, call.uid);
  }
  return { stdout: '', stderr: texts.map((text) => `${text}\n`).join(''), code: 0 };
}

function passes(job: Job, name?: string, user?: string, state?: string): boolean {
  return (
    (name === undefined || job.name === name) &&
    (user === undefined || job.user === user || String(job.uid) === user) &&
    (state === undefined || job.word === state)
  );
}
