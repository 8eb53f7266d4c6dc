import { resolve } from 'node:path';
import type { Cluster } from './cluster.ts';
import { nodeName, secondsNow, type Job } from './job.ts';
import { UsageError } from './options.ts';
import { answer, refuse, type Answer, type Call } from './protocol.ts';
import { readRequest, SbatchError, type SbatchRequest } from './sbatch-options.ts';

export const defaultPartition = 'main';
const longestArray = 1001;

/** `sbatch`: takes a job, or the tasks of an array, into the queue. */
export function sbatch(call: Call, cluster: Cluster): Answer {
  try {
    const script = call.script && 'text' in call.script ? call.script.text : '';
    const request = readRequest(call.argv, script);
    if (call.script && 'error' in call.script) throw new SbatchError(call.script.error, 1);
    const text =
      request.wrap === null
        ? checkScript(script)
        : `#!/bin/sh\n# This script was created by sbatch --wrap.\n\n${request.wrap}\n`;
    if (request.partition !== null && request.partition !== defaultPartition)
      throw new SbatchError(
        `invalid partition specified: ${request.partition}\nsbatch: error: Batch job submission failed: Invalid partition name specified`,
        1,
      );
    const jobs = makeJobs(call, request, cluster);
    cluster.submit(jobs, text, exported(call, request.exports));
    const id = jobs[0]?.array?.id ?? jobs[0]?.id;
    if (request.parsable) return answer(`${id}\n`);
    return answer(request.quiet ? '' : `Submitted batch job ${id}\n`);
  } catch (error) {
    if (error instanceof UsageError)
      return refuse(`sbatch: ${error.message}\nTry "sbatch --help" for more information`, 255);
    if (error instanceof SbatchError) return refuse(`sbatch: error: ${error.message}`, error.code);
    throw error;
  }
}

function checkScript(script: string): string {
  if (script === '') throw new SbatchError('Batch script is empty!', 1);
  if (!script.startsWith('#!'))
    throw new SbatchError(
      'This does not look like a batch script.  The first\n' +
        'sbatch: error: line must start with #! followed by the path to an interpreter.\n' +
        'sbatch: error: For instance: #!/bin/sh',
      1,
    );
  if (script.includes('\r\n'))
    throw new SbatchError(
      'Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n).',
      1,
    );
  return script;
}

function makeJobs(call: Call, request: SbatchRequest, cluster: Cluster): Job[] {
  const array = request.array === null ? null : readArray(request.array);
  const [path] = request.rest;
  const job: Job = {
    id: 0,
    array: null,
    name: request.name ?? (request.wrap !== null ? 'wrap' : (path?.split('/').at(-1) ?? 'sbatch')),
    word: 'PENDING',
    reason: request.hold ? 'JobHeldUser' : 'None',
    cancelledBy: null,
    ending: null,
    exitCode: 0,
    exitSignal: 0,
    workDir: request.chdir === null ? call.cwd : resolve(call.cwd, request.chdir),
    command: request.wrap !== null || path === undefined ? null : resolve(call.cwd, path),
    args: request.rest.slice(1),
    stdout: '',
    stderr: '',
    openMode: request.openMode,
    submitLine: ['sbatch', ...call.argv].join(' '),
    comment: request.comment,
    partition: defaultPartition,
    account: request.account ?? call.user,
    user: call.user,
    uid: call.uid,
    gid: call.gid,
    cpus: request.cpusPerTask * request.tasks,
    timeLimitMinutes: request.timeLimitMinutes,
    held: request.hold,
    submitted: secondsNow(),
    started: null,
    ended: null,
    restarts: 0,
    attempt: 0,
  };
  const count = array?.tasks.length ?? 1;
  const first = cluster.takeIds(count);
  // As in Slurm, the array's last task carries the array's own id.
  const jobs = array
    ? array.tasks.map((task, index) => ({
        ...job,
        id: index === count - 1 ? first : first + index + 1,
        array: { id: first, task, limit: array.limit },
      }))
    : [{ ...job, id: first }];
  const output = request.output ?? (array ? 'slurm-%A_%a.out' : 'slurm-%j.out');
  for (const one of jobs) {
    one.stdout = resolve(one.workDir, fillPattern(output, one));
    one.stderr = request.error === null ? one.stdout : resolve(one.workDir, fillPattern(request.error, one));
  }
  return jobs;
}

/** File name patterns: `%j` and its like, with a width to fill with zeros (`%5j`). */
export function fillPattern(pattern: string, job: Job): string {
  return pattern.replace(/%(\d*)([A-Za-z%])/g, (whole, width: string, letter: string) => {
    const values: Record<string, string> = {
      '%': '%',
      A: String(job.array?.id ?? job.id),
      a: String(job.array?.task ?? 4294967294),
      J: String(job.id),
      j: String(job.id),
      N: nodeName,
      n: '0',
      s: 'batch',
      t: '0',
      u: job.user,
      x: job.name,
    };
    const value = values[letter];
    return value === undefined ? whole : /^\d+$/.test(value) ? value.padStart(Math.min(Number(width), 10), '0') : value;
  });
}

/** `--array`: `0-15`, `1,3,5-7`, `0-15:4`, with `%4` for how many at a time. */
function readArray(text: string): { tasks: number[]; limit: number | null } {
  const [, list = '', limit] = /^([^%]*)(?:%(\d+))?$/.exec(text) ?? [];
  const tasks = new Set<number>();
  for (const part of list.split(',')) {
    const [, from, to, step] = /^(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?$/.exec(part) ?? [];
    if (from === undefined) throw new SbatchError('Batch job submission failed: Invalid job array specification', 1);
    const last = Number(to ?? from);
    for (let n = Number(from); n <= last && tasks.size <= longestArray; n += Math.max(1, Number(step ?? 1)))
      tasks.add(n);
  }
  if (tasks.size === 0 || tasks.size > longestArray)
    throw new SbatchError('Batch job submission failed: Invalid job array specification', 1);
  return { tasks: [...tasks].sort((a, b) => a - b), limit: limit === undefined ? null : Number(limit) };
}

/** `--export`: `ALL`, `NONE`, or names to pass and `NAME=value` to add. */
function exported(call: Call, list: string): Record<string, string> {
  const parts = list.split(',');
  const env: Record<string, string> = {};
  const all = parts.includes('ALL');
  const keep = (name: string): boolean =>
    all || /^(HOME|USER|LOGNAME|SHELL|PATH)$/.test(name) || name.startsWith('SLURM_');
  for (const [name, value] of Object.entries(call.env)) if (keep(name) || parts.includes(name)) env[name] = value;
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals > 0) env[part.slice(0, equals)] = part.slice(equals + 1);
  }
  return env;
}
