import { ok, refuse, type Answer, type Call } from './answer.ts';
import { hasEnded } from './job.ts';
import { parseOptions } from './options.ts';
import type { Scheduler } from './scheduler.ts';

/** `scancel ID…` or `--name=NAME`. An ended job is left alone without an error, as the real one does. */
export function scancel(call: Call, scheduler: Scheduler): Answer {
  const options = parseOptions(call.argv, { values: { name: 'n', signal: 's', user: 'u' }, switches: { quiet: 'Q' } });
  const name = options.values.get('name');
  const ids = options.rest.flatMap((word) => word.split(',')).map(Number);
  for (const id of ids) {
    if (!scheduler.job(id)) return refuse(`scancel: error: Kill job error on job id ${id}: Invalid job id specified`);
  }
  for (const job of scheduler.jobs())
    if ((ids.includes(job.id) || (name !== undefined && job.name === name)) && !hasEnded(job)) scheduler.cancel(job, call.uid);
  return ok();
}
