import type { Cluster } from './cluster.ts';
import { hasEnded, secondsNow, type Job } from './job.ts';
import { optionTable, parseOptions, UsageError } from './options.ts';
import { answer, refuse, type Answer, type Call } from './protocol.ts';
import { findField, type AccountingRow, type Field } from './sacct-fields.ts';
import { isMatch, parseJobIds, stateOf } from './selection.ts';
import { parseTime, startOfDay, timeFormatter } from './times.ts';

const options = optionTable(`
  allusers|a accounts|A= brief|b duplicates|D delimiter= endtime|E= noheader|n format|o= jobs|j= local|l long
  allclusters|L clusters|M= name= nodelist|N= ncpus|I= parsable|p parsable2|P partition|r= qos|q= starttime|S= state|s=
  truncate|T uid|u= user= units= array allocations|X wckeys|W= whole-hetjob=? noconvert`);

const defaultFormat = 'JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode';

/** `sacct`: what accounting knows of jobs, in the table forms of Slurm's own. */
export function sacct(call: Call, cluster: Cluster): Answer {
  let parsed: [string, string][];
  try {
    parsed = parseOptions(call.argv, options).options;
  } catch (error) {
    if (error instanceof UsageError) return refuse(`sacct: ${error.message}`);
    throw error;
  }
  const last = (...names: string[]): string | undefined => parsed.findLast(([name]) => names.includes(name))?.[1];
  const all = (name: string): string[] => parsed.flatMap(([n, v]) => (n === name ? v.split(',').filter(Boolean) : []));
  const has = (name: string): boolean => last(name) !== undefined;

  const ids = parseJobIds(all('jobs'));
  if (typeof ids === 'string') return refuse(`sacct: fatal: Bad job/step specified: ${ids}`);
  const states: string[] = [];
  for (const text of all('state')) {
    const state = stateOf(text);
    if (state === null) return refuse(`sacct: fatal: unrecognized job state value '${text}'`);
    states.push(state);
  }
  const now = secondsNow();
  const times: Record<'starttime' | 'endtime', number | undefined> = { starttime: undefined, endtime: undefined };
  for (const name of ['starttime', 'endtime'] as const) {
    const text = last(name);
    if (text === undefined) continue;
    times[name] = parseTime(text, now);
    if (times[name] === undefined) return refuse(`Invalid time specification (pos=0): ${text}`);
  }
  const from = times.starttime ?? (has('jobs') ? 0 : startOfDay(now));
  const to = times.endtime ?? now;

  const asked = all('format');
  const columns: Column[] = [];
  for (const text of asked.length ? asked : has('brief') ? ['JobID', 'State', 'ExitCode'] : defaultFormat.split(',')) {
    const column = readColumn(text);
    if (!column) return refuse(`sacct: error: Invalid field requested: "${text.replace(/%.*/, '')}"`);
    columns.push(column);
  }

  const users = [...all('uid'), ...all('user')];
  const names = all('name');
  const jobs = cluster
    .jobs()
    .filter(
      (job) =>
        (has('jobs') ? ids.some((id) => isMatch(job, id)) : !job.held || job.started !== null || hasEnded(job)) &&
        (names.length === 0 || names.includes(job.name)) &&
        (users.length === 0 || users.includes(job.user) || users.includes(String(job.uid))) &&
        inWindow(job, from, to, states),
    );
  const rows = jobs.flatMap((job): AccountingRow[] =>
    has('allocations') || job.started === null
      ? [{ job, isStep: false }]
      : [
          { job, isStep: false },
          { job, isStep: true },
        ],
  );
  const separator = last('delimiter') ?? '|';
  const form: Form = has('parsable2')
    ? { kind: 'separated', separator, end: '' }
    : has('parsable')
      ? { kind: 'separated', separator, end: separator }
      : { kind: 'columns' };
  return answer(print(rows, columns, form, !has('noheader'), timeFormatter(call.env)));
}

/** Whether a job was there, or in one of the states, between two times. */
function inWindow(job: Job, from: number, to: number, states: readonly string[]): boolean {
  const ended = job.ended ?? Infinity;
  if (states.length === 0) return job.submitted <= to && ended >= from;
  return states.some((state) => {
    if (state === 'PENDING')
      return (
        job.submitted <= to && (job.started ?? ended) >= from && (job.started === null ? job.word === 'PENDING' : true)
      );
    if (state === 'RUNNING') return job.started !== null && job.started <= to && ended >= from;
    return job.word === state && ended >= from && ended <= to;
  });
}

interface Column extends Field {
  printWidth: number;
}

/** `Name`, `Name%20` or, put to the left, `Name%-20`. */
function readColumn(text: string): Column | null {
  const [, name = '', sign, width] = /^([^%]*)(?:%(-?)(\d+))?$/.exec(text) ?? [];
  const found = findField(name);
  if (!found) return null;
  if (width === undefined) return { ...found, printWidth: found.width };
  return { ...found, printWidth: Number(width), left: sign === '-' };
}

type Form = { kind: 'columns' } | { kind: 'separated'; separator: string; end: string };

function print(
  rows: readonly AccountingRow[],
  columns: readonly Column[],
  form: Form,
  header: boolean,
  time: (seconds: number) => string,
): string {
  const lines: string[] = [];
  if (form.kind === 'separated') {
    const line = (cells: string[]): string => cells.join(form.separator) + form.end;
    if (header) lines.push(line(columns.map((c) => c.name)));
    for (const row of rows) lines.push(line(columns.map((c) => c.value(row, time))));
  } else {
    if (header) {
      lines.push(columns.map((c) => `${pad(c.name, c)} `).join(''));
      lines.push(columns.map((c) => `${'-'.repeat(c.printWidth)} `).join(''));
    }
    for (const row of rows) lines.push(columns.map((c) => `${cell(c, c.value(row, time))} `).join(''));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** A cell of the fixed width; what is cut ends with `+`. */
function cell(column: Column, text: string): string {
  return pad(text.length > column.printWidth ? `${text.slice(0, column.printWidth - 1)}+` : text, column);
}

function pad(text: string, column: Column): string {
  const cut = text.slice(0, column.printWidth);
  return column.left ? cut.padEnd(column.printWidth) : cut.padStart(column.printWidth);
}
