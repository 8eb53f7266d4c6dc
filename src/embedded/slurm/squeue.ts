import { elapsedText, ok, refuse, timeText, type Answer, type Call } from './answer.ts';
import { hasEnded, now, type Job } from './job.ts';
import { parseOptions, type OptionNames } from './options.ts';
import type { Scheduler } from './scheduler.ts';

const names: OptionNames = {
  values: { format: 'o', jobs: 'j', name: 'n', states: 't', user: 'u', partition: 'p', sort: 'S' },
  switches: { noheader: 'h', me: null },
};

/** Ended jobs stay in the queue this long, like Slurm's MinJobAge. */
const keptSeconds = 300;

const fields: Readonly<Record<string, [title: string, value: (job: Job, env: Record<string, string>) => string]>> = {
  i: ['JOBID', (job) => String(job.id)],
  A: ['JOBID', (job) => String(job.id)],
  j: ['NAME', (job) => job.name],
  P: ['PARTITION', () => 'main'],
  u: ['USER', (job) => job.userName],
  T: ['STATE', (job) => job.state],
  t: ['ST', (job) => shortStates[job.state]],
  M: ['TIME', (job) => clock(job)],
  l: ['TIME_LIMIT', (job) => (job.timeLimitMinutes === null ? 'UNLIMITED' : elapsedText(job.timeLimitMinutes * 60))],
  D: ['NODES', () => '1'],
  C: ['CPUS', (job) => String(job.cpus)],
  N: ['NODELIST', (job) => (job.started === null ? '' : 'localhost')],
  R: ['NODELIST(REASON)', (job) => (job.started === null ? `(${job.reason})` : 'localhost')],
  r: ['REASON', (job) => job.reason],
  S: ['START_TIME', (job, env) => timeText(job.started, env, 'N/A')],
  V: ['SUBMIT_TIME', (job, env) => timeText(job.submitted, env, 'N/A')],
  e: ['END_TIME', (job, env) => timeText(job.ended, env, 'N/A')],
  k: ['COMMENT', (job) => job.comment || '(null)'],
  Z: ['WORK_DIR', (job) => job.workDir],
  o: ['COMMAND', (job) => job.command],
};

const shortStates = { PENDING: 'PD', RUNNING: 'R', COMPLETED: 'CD', FAILED: 'F', TIMEOUT: 'TO', CANCELLED: 'CA' };

export function squeue(call: Call, scheduler: Scheduler): Answer {
  const options = parseOptions(call.argv, names);
  if (options.unknown) return refuse(`squeue: unrecognized option '${options.unknown}'\nTry "squeue --help" for more information`);
  const kept = scheduler.jobs().filter((job) => job.ended === null || now() - job.ended < keptSeconds);
  const ids = options.values.get('jobs')?.split(',').map(Number);
  if (ids?.length === 1 && !kept.some((job) => job.id === ids[0]))
    return refuse('slurm_load_jobs error: Invalid job id specified');
  const wanted = (options.values.get('states') ?? '').toUpperCase().split(',').filter(Boolean);
  const shown = kept.filter(
    (job) =>
      (!ids || ids.includes(job.id)) &&
      (!options.values.has('name') || options.values.get('name')?.split(',').includes(job.name)) &&
      (!options.values.has('user') || options.values.get('user') === job.userName) &&
      (wanted.includes('ALL') || (wanted.length ? wanted.includes(job.state) || wanted.includes(shortStates[job.state]) : !hasEnded(job))),
  );
  const format = options.values.get('format') || '%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R';
  const rows = shown.map((job) => formatRow(format, (letter) => fields[letter]?.[1](job, call.env)));
  const header = formatRow(format, (letter) => fields[letter]?.[0]);
  return ok([...(options.switches.has('noheader') ? [] : [header]), ...rows].map((r) => `${r}\n`).join(''));
}

/** `%[[.]width]letter`: padded and cut to the width, on the right side when there is a dot. */
function formatRow(format: string, value: (letter: string) => string | undefined): string {
  return format.replace(/%(\.?)(\d*)([A-Za-z])/g, (whole, dot: string, width: string, letter: string) => {
    const text = value(letter);
    if (text === undefined) return whole;
    if (width === '') return text;
    const cut = text.slice(0, Number(width));
    return dot ? cut.padStart(Number(width)) : cut.padEnd(Number(width));
  });
}

function clock(job: Job): string {
  const seconds = job.started === null ? 0 : (job.ended ?? now()) - job.started;
  const text = elapsedText(seconds);
  return text.startsWith('00:') ? text.slice(3).replace(/^0/, '') : text;
}
