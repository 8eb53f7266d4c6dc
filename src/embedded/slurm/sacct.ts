import { elapsedText, ok, refuse, timeText, type Answer, type Call } from './answer.ts';
import { exitText, hasEnded, now, stateText, type Job } from './job.ts';
import { parseOptions, type OptionNames } from './options.ts';
import type { Scheduler } from './scheduler.ts';

const names: OptionNames = {
  values: { format: 'o', jobs: 'j', name: null, starttime: 'S', endtime: 'E', state: 's', user: 'u', delimiter: null },
  switches: { noheader: 'n', parsable2: 'P', parsable: 'p', allocations: 'X', duplicates: 'D', allusers: 'a' },
};

type Row = { job: Job; step: string | null };
/** Title, width of the column (negative: left-aligned) and value, as sacct has them. */
type Field = [title: string, width: number, value: (row: Row, env: Record<string, string>) => string];

const fields: Readonly<Record<string, Field>> = {
  jobid: ['JobID', -12, ({ job, step }) => (step ? `${job.id}.${step}` : String(job.id))],
  jobidraw: ['JobIDRaw', -12, ({ job, step }) => (step ? `${job.id}.${step}` : String(job.id))],
  jobname: ['JobName', 10, ({ job, step }) => step ?? job.name],
  partition: ['Partition', 10, ({ step }) => (step ? '' : 'main')],
  account: ['Account', 10, () => ''],
  alloccpus: ['AllocCPUS', 10, ({ job }) => (job.started === null ? '0' : String(job.cpus))],
  state: ['State', 10, ({ job }) => stateText(job)],
  exitcode: ['ExitCode', 8, ({ job }) => exitText(job)],
  reason: ['Reason', 22, ({ job }) => (hasEnded(job) ? 'None' : job.reason)],
  nodelist: ['NodeList', 15, ({ job }) => (job.started === null ? 'None assigned' : 'localhost')],
  submit: ['Submit', 19, ({ job }, env) => timeText(job.submitted, env, 'Unknown')],
  start: ['Start', 19, ({ job }, env) => timeText(job.started, env, 'Unknown')],
  end: ['End', 19, ({ job }, env) => timeText(job.ended, env, 'Unknown')],
  elapsed: ['Elapsed', 10, ({ job }) => elapsedText(job.started === null ? 0 : (job.ended ?? now()) - job.started)],
  user: ['User', 9, ({ job, step }) => (step ? '' : job.userName)],
  workdir: ['WorkDir', 20, ({ job, step }) => (step ? '' : job.workDir)],
  comment: ['Comment', 14, ({ job }) => job.comment],
};

const shortStates: Readonly<Record<string, Job['state']>> = {
  PD: 'PENDING',
  R: 'RUNNING',
  CD: 'COMPLETED',
  F: 'FAILED',
  TO: 'TIMEOUT',
  CA: 'CANCELLED',
};

/** `sacct`: what became of jobs. Without `-j` and `--starttime` those since midnight, as the real one. */
export function sacct(call: Call, scheduler: Scheduler): Answer {
  const options = parseOptions(call.argv, names);
  if (options.unknown) return refuse(`sacct: unrecognized option '${options.unknown}'\nTry "sacct --help" for more information`);
  const wanted = (options.values.get('format') ?? 'jobid,jobname,partition,account,alloccpus,state,exitcode').split(',');
  const columns: Field[] = [];
  for (const word of wanted) {
    const [name = '', width] = word.trim().toLowerCase().split('%');
    const field = fields[name];
    if (!field) return refuse(`sacct: fatal: Invalid field requested: "${word}"`);
    columns.push(width === undefined ? field : [field[0], Number(width), field[2]]);
  }
  const ids = options.values.get('jobs')?.split(',').map((t) => Number(t.split(/[._]/)[0]));
  const states = options.values.get('state')?.toUpperCase().split(',').map((s) => shortStates[s] ?? s);
  const since = ids ? 0 : startOf(options.values.get('starttime'));
  const rows: Row[] = [];
  for (const job of scheduler.jobs()) {
    if (ids && !ids.includes(job.id)) continue;
    if ((job.ended ?? Infinity) < since) continue;
    if (options.values.has('name') && !options.values.get('name')?.split(',').includes(job.name)) continue;
    if (states && !states.includes(job.state)) continue;
    rows.push({ job, step: null });
    if (!options.switches.has('allocations') && job.started !== null) rows.push({ job, step: 'batch' });
  }
  const parsable = options.switches.has('parsable2') || options.switches.has('parsable');
  const line = parsable
    ? (cells: string[]): string => cells.join(options.values.get('delimiter') ?? '|') + (options.switches.has('parsable') ? '|' : '')
    : (cells: string[]): string => cells.map((text, i) => fixed(text, columns[i]?.[1] ?? 10)).join(' ') + ' ';
  const output: string[] = [];
  if (!options.switches.has('noheader')) {
    output.push(line(columns.map(([title]) => title)));
    if (!parsable) output.push(line(columns.map(([, width]) => '-'.repeat(Math.abs(width)))));
  }
  for (const row of rows) output.push(line(columns.map(([, , value]) => value(row, call.env))));
  return ok(output.map((text) => `${text}\n`).join(''));
}

/** A cell of fixed width; what does not fit ends with a plus sign. */
function fixed(text: string, width: number): string {
  const size = Math.abs(width);
  const cut = text.length > size ? `${text.slice(0, size - 1)}+` : text;
  return width < 0 ? cut.padEnd(size) : cut.padStart(size);
}

/** Start of the time looked at: `now-30days`, a date, or midnight. */
function startOf(text: string | undefined): number {
  if (text === undefined) {
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    return midnight.getTime() / 1000;
  }
  const ago = /^now(?:-(\d+)(second|minute|hour|day|week)s?)?$/.exec(text);
  const units: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800 };
  if (ago) return now() - Number(ago[1] ?? 0) * (units[ago[2] ?? 'second'] ?? 1);
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : date / 1000;
}
