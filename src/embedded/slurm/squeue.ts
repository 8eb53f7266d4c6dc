import type { Cluster } from './cluster.ts';
import { hasEnded, jobIdText, secondsNow, type Job } from './job.ts';
import { optionTable, parseOptions, UsageError } from './options.ts';
import { answer, refuse, type Answer, type Call } from './protocol.ts';
import { isMatch, parseJobIds, stateOf, stateWords } from './selection.ts';
import { queueFields, queueState, type QueueRow } from './squeue-fields.ts';
import { timeFormatter } from './times.ts';

const options = optionTable(`
  account|A= all|a array|r array-unique clusters|M= federation Format|O= format|o= hide jobs|j=? licenses|L= local long|l me
  name|n= noconvert nodelist|w= noheader|h partition|p= priority|P qos|q= reservation|R= sibling sort|S= start states|t=
  user|u= users= verbose|v version|V`);

const defaultFormat = '%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R';
/** Slurm's default MinJobAge: how long the queue remembers a job that has ended. */
const minJobAgeSeconds = 300;

/** `squeue`: jobs that wait or run, and, when asked for, those that ended a short while ago. */
export function squeue(call: Call, cluster: Cluster): Answer {
  let parsed: [string, string][];
  let rest: string[];
  try {
    ({ options: parsed, rest } = parseOptions(call.argv, options));
  } catch (error) {
    if (error instanceof UsageError)
      return refuse(`squeue: ${error.message}\nTry "squeue --help" for more information`);
    throw error;
  }
  const last = (name: string): string | undefined => parsed.findLast(([n]) => n === name)?.[1];
  const list = (name: string): string[] => (last(name) ?? '').split(',').filter((part) => part !== '');

  // `-j` takes its ids in the same word; in the next word they are what is left over, which squeue then takes for them.
  const ids = parseJobIds(last('jobs') === '' ? (rest[0] ?? '').split(',').filter(Boolean) : list('jobs'));
  if (typeof ids === 'string') return refuse(`squeue: error: Invalid job id: ${ids}`);
  const states = new Set<string>();
  for (const text of list('states')) {
    const state = stateOf(text);
    if (/^all$/i.test(text)) for (const word of Object.keys(stateWords)) states.add(word);
    else if (state === null)
      return refuse(
        `squeue: error: Invalid job state specified: ${text}\nsqueue: error: Valid job states include: ${Object.keys(stateWords).join(',')}\n`,
      );
    else states.add(state);
  }
  if (states.size === 0) for (const word of ['PENDING', 'RUNNING', 'COMPLETING', 'SUSPENDED']) states.add(word);

  const oldest = secondsNow() - minJobAgeSeconds;
  const remembered = cluster.jobs().filter((job) => !hasEnded(job) || (job.ended ?? 0) > oldest);
  const [only] = ids;
  if (ids.length === 1 && only && !remembered.some((job) => isMatch(job, only)))
    return refuse('slurm_load_jobs error: Invalid job id specified');
  const users = [...list('user'), ...list('users'), ...(last('me') === undefined ? [] : [call.user])];
  const names = list('name');
  const partitions = list('partition');
  const jobs = remembered.filter(
    (job) =>
      states.has(queueState(job)) &&
      (ids.length === 0 || ids.some((id) => isMatch(job, id))) &&
      (users.length === 0 || users.includes(job.user) || users.includes(String(job.uid))) &&
      (names.length === 0 || names.includes(job.name)) &&
      (partitions.length === 0 || partitions.includes(job.partition)),
  );
  const time = timeFormatter(call.env);
  const columns =
    last('Format') === undefined ? shortFormat(last('format') ?? defaultFormat) : longFormat(list('Format'));
  if (typeof columns === 'string') return refuse(columns);
  const rows = queueRows(jobs, last('array') !== undefined);
  const lines = rows.map((row) => columns.map((column) => column(row, time)).join(''));
  if (last('noheader') === undefined) lines.unshift(columns.map((column) => column(null, time)).join(''));
  return answer(lines.map((line) => `${line}\n`).join(''));
}

/** Sorted as Slurm does by default: by state's short word, then by age. */
function queueRows(jobs: readonly Job[], everyTask: boolean): QueueRow[] {
  const rows: QueueRow[] = [];
  for (const job of jobs) {
    const waiting = jobs.filter((other) => other.array && other.array.id === job.array?.id && other.word === 'PENDING');
    if (everyTask || !job.array || job.word !== 'PENDING')
      rows.push({ job, idText: jobIdText(job), taskText: job.array ? String(job.array.task) : 'N/A' });
    else if (waiting[0] === job) {
      const tasks = ranges(waiting.flatMap((other) => other.array?.task ?? []).sort((a, b) => a - b));
      const taskText = job.array.limit === null ? tasks : `${tasks}%${job.array.limit}`;
      rows.push({
        job: waiting.find((w) => w.id === w.array?.id) ?? job,
        idText: `${job.array.id}_[${taskText}]`,
        taskText,
      });
    }
  }
  const key = (row: QueueRow): string => stateWords[queueState(row.job)] ?? '';
  return rows.sort((a, b) => (key(a) === key(b) ? 0 : key(a) < key(b) ? -1 : 1));
}

/** `0,2-5` */
function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const n of numbers) {
    const open = parts.at(-1);
    if (open && open[1] === n - 1) open[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}

/** Writes one piece of a line; without a row, its heading. */
type Column = (row: QueueRow | null, time: (seconds: number) => string) => string;

/** `-o`: text with `%[.][width]letter`; a point puts the value to the right. */
function shortFormat(format: string): Column[] {
  return format.split(/(%\.?\d*[A-Za-z])/).flatMap((piece): Column[] => {
    const [, right, width, letter] = /^%(\.?)(\d*)([A-Za-z])$/.exec(piece) ?? [];
    const found = letter === undefined ? undefined : queueFields.find((f) => f.letter === letter);
    if (letter === undefined || !found) return piece === '' ? [] : [() => piece];
    return [(row, time) => fit(row ? found.value(row, time) : found.heading, Number(width), right === '.')];
  });
}

/** `-O`: `Name[:[.]width]` by commas; each is 20 wide unless said otherwise. */
function longFormat(parts: readonly string[]): Column[] | string {
  const columns: Column[] = [];
  for (const part of parts) {
    const [, name = '', right, width] = /^([^:]+)(?::(\.?)(\d+))?$/.exec(part.trim()) ?? [];
    const found = queueFields.find((f) => f.names.toLowerCase() === name.toLowerCase());
    if (!found) return `squeue: error: Invalid job format specification: ${name || part}`;
    const heading = found.names.toUpperCase().replace('JOBARRAYID', 'JOBID');
    columns.push((row, time) => fit(row ? found.value(row, time) : heading, Number(width ?? 20), right === '.'));
  }
  return columns;
}

function fit(text: string, width: number, right: boolean): string {
  if (width === 0) return text;
  const cut = text.slice(0, width);
  return right ? cut.padStart(width) : cut.padEnd(width);
}
