import type { SlurmConfig } from '../config/config.ts';
import { jobLogName } from '../domain/vocabulary.ts';
import { bridgeError } from '../domain/errors.ts';
import { mayBeRequeued } from './job-states.ts';
import { jobState, unknownState, type JobState } from './observe.ts';
import { parseSacct, parseSqueue, sacctFields, squeueFormat, type JobRow } from './queue.ts';
import { hintJobArguments } from './job-hints.ts';
import { readLogTails, type LogTail } from './log-tails.ts';
import { readLogBytes, type LogBytes } from './read-log.ts';
import { checkJobName, environmentFile, sbatchArguments, type Submission } from './sbatch-arguments.ts';
import type { CommandResult, Transport } from './transport.ts';
import { writeClusterFile } from './write-file.ts';

export type { JobState } from './observe.ts';

/** Ids per command: the cost of a call hardly grows with their number, a command line's length does. */
const idsPerCall = 200;
/** How far back an own job is looked for by its name. */
const lookBack = 'now-30days';
/** Formats that a site may have set for people must not change what we read; times come as seconds since 1970. */
const fixedFormats = { SLURM_TIME_FORMAT: '%s', LC_ALL: 'C' };

/**
 * Slurm by its commands, over a transport. Every call asks anew; nothing is remembered. What Slurm does not say is never
 * made up: a job that neither queue nor accounting names is `unknown`, and a Slurm that cannot be asked is an error
 * (SLURM_UNAVAILABLE, CLUSTER_…; all retryable).
 */
export class Slurm {
  readonly #transport: Transport;
  readonly #config: SlurmConfig;

  constructor(transport: Transport, config: SlurmConfig) {
    this.#transport = transport;
    this.#config = config;
  }

  /**
   * Submits a job unless one of that name exists, and returns its id.
   *
   * @throws JOB_REFUSED, JOB_OPTION_REFUSED, JOB_VARIABLE_REFUSED, JOB_NAME_REFUSED, SLURM_UNAVAILABLE
   */
  async submit(job: Submission): Promise<number> {
    const argv = sbatchArguments(job, this.#config);
    const known = await this.findByName(job.name);
    if (known !== null) return known;
    // A controller that is slow to answer must not make us stop waiting for an id that it is about to give.
    if (job.envFile) await writeClusterFile(this.#transport, job.envFile, environmentFile(job.env), '0600');
    const result = await this.#run(argv, job.envFile ? {} : { ...job.env }, 60_000);
    if (result.code !== 0) {
      if (isUnavailable(result.stderr)) throw this.#unavailable('sbatch', result);
      const reason = result.stderr.trim() || `sbatch ended with ${result.code}`;
      throw bridgeError('JOB_REFUSED', { cluster: this.#transport.name, reason });
    }
    // A login script may print lines of its own before sbatch's answer, which is `id` or `id;cluster`.
    const answer = result.stdout.trimEnd().split('\n').at(-1) ?? '';
    const id = /^(\d+)(;.*)?$/.exec(answer)?.[1];
    if (id === undefined) throw this.#unreadable('sbatch', result.stdout);
    if (job.hintFile) await this.#submitHint(Number(id), job.hintFile, argv);
    return Number(id);
  }

  /** A hint is worth nothing but time: a site that refuses the tiny job loses only that. */
  async #submitHint(jobId: number, path: string, submitted: readonly string[]): Promise<void> {
    await this.#transport.exec(hintJobArguments(jobId, path, submitted)).catch(() => undefined);
  }

  /** The state of each job, from one look at the queue and, for those that have ended, at the accounting. */
  async observe(jobIds: number[]): Promise<Map<number, JobState>> {
    const states = new Map<number, JobState>();
    for (let at = 0; at < jobIds.length; at += idsPerCall) {
      const ids = jobIds.slice(at, at + idsPerCall);
      const queue = await this.#queue(ids).catch((error: unknown) => onlyUnavailable(error));
      const rows = Array.isArray(queue) ? queue : [];
      const live = (id: number): boolean => {
        const state = jobState(id, rows, []);
        return state.word !== '' && !state.terminal;
      };
      const rest = ids.filter((id) => !live(id));
      const accounting = rest.length ? await this.#accounting(rest).catch((e: unknown) => onlyUnavailable(e)) : [];
      // One of the two may be down: the other still tells about its part. Both down is not an answer.
      if (!Array.isArray(queue) && !Array.isArray(accounting)) throw queue;
      const accounted = Array.isArray(accounting) ? accounting : [];
      const seen = ids.map((id) => {
        const state = jobState(id, rows, accounted);
        // Only the queue knows whether such a job has been put back into it.
        return Array.isArray(queue) || !mayBeRequeued(state.word) ? state : unknownState(id);
      });
      for (const state of seen) states.set(state.jobId, await this.#withExit(state, accounted));
    }
    return states;
  }

  /** The queue tells no exit codes: without accounting the controller does, while it still remembers the job. */
  async #withExit(state: JobState, accounted: readonly JobRow[]): Promise<JobState> {
    if (!state.terminal || state.phase === 'succeeded' || state.exit !== null || accounted.length > 0) return state;
    const argv = ['scontrol', '-o', 'show', 'job', idText(state.jobId)];
    const result = await this.#run(argv).catch(() => null);
    // An array has a line for each task; the one that speaks for it is in its state.
    const lines = result?.code === 0 ? result.stdout.split('\n') : [];
    const line = lines.find((text) => text.includes(` JobState=${state.word} `));
    const exit = /\sExitCode=(\d+:\d+)\s/.exec(line ?? '')?.[1];
    return exit === undefined ? state : { ...state, exit };
  }

  /** The id of the job with exactly this name, the first if there are several; null when there is none. */
  async findByName(name: string): Promise<number | null> {
    checkJobName(name);
    const queue = await this.#run(['squeue', '-h', '-t', 'all', '-n', name, '-o', '%F|%j']);
    if (queue.code !== 0) throw this.#unavailable('squeue', queue);
    const queued = firstNamed(queue.stdout, name);
    if (queued !== null) return queued;
    const argv = ['sacct', '-n', '-P', '-X', `--starttime=${lookBack}`, `--name=${name}`, '-o', 'JobID,JobName'];
    const accounting = await this.#run(argv);
    if (accounting.code === 0) return firstNamed(accounting.stdout, name);
    // Without accounting the queue is all there is; a failing accounting may know the job, so we cannot go on.
    if (isDisabled(accounting.stderr)) return null;
    throw this.#unavailable('sacct', accounting);
  }

  /** Ends a job; one that has ended already is left as it is. */
  async cancel(jobId: number): Promise<void> {
    const result = await this.#run(['scancel', idText(jobId)]);
    if (result.code === 0 || /already completing or completed|invalid job id/i.test(result.stderr)) return;
    throw this.#unavailable('scancel', result);
  }

  /**
   * Bytes of the job's log (`omero-<id>.log` in the account's home) from an offset on, at most `maxBytes` (default 1
   * MiB). Null while there is no log.
   *
   * @throws JOB_LOG_UNREADABLE
   */
  readLog(jobId: number, fromByte: number, maxBytes = 1024 * 1024): Promise<LogBytes | null> {
    return readLogBytes(this.#transport, jobId, jobLogName(idText(jobId)), fromByte, maxBytes);
  }

  /** What the logs of these jobs have grown by, with one command; see `LogTail`. */
  async logTails(jobs: readonly { jobId: number; from: number }[]): Promise<LogTail[]> {
    const tails: LogTail[] = [];
    for (let at = 0; at < jobs.length; at += idsPerCall)
      tails.push(...(await readLogTails(this.#transport, jobs.slice(at, at + idsPerCall))));
    return tails;
  }

  /** A lone unknown id makes `squeue -j` fail, two do not: the id is given twice, and a failure means trouble. */
  async #queue(ids: readonly number[]): Promise<JobRow[]> {
    const list = (ids.length === 1 ? [...ids, ...ids] : ids).map(idText).join(',');
    const result = await this.#run(['squeue', '-h', '-t', 'all', '-j', list, '-o', squeueFormat]);
    if (result.code === 0) return parseSqueue(result.stdout);
    if (/invalid job id specified/i.test(result.stderr)) return [];
    throw this.#unavailable('squeue', result);
  }

  async #accounting(ids: readonly number[]): Promise<JobRow[]> {
    const result = await this.#run(['sacct', '-n', '-P', '-X', '-o', sacctFields, '-j', ids.map(idText).join(',')]);
    if (result.code === 0) return parseSacct(result.stdout);
    if (isDisabled(result.stderr)) return [];
    throw this.#unavailable('sacct', result);
  }

  async #run(argv: string[], env: Record<string, string> = {}, timeoutMs?: number): Promise<CommandResult> {
    const fixed = argv[0] === 'sbatch' ? {} : fixedFormats;
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    const result = await this.#transport.exec(argv, { env: { ...fixed, ...env }, ...options });
    if (result.code === 127)
      throw bridgeError('SLURM_COMMAND_MISSING', { command: argv[0] ?? '', cluster: this.#transport.name });
    return result;
  }

  #unavailable(command: string, result: CommandResult): Error {
    const reason = result.stderr.trim().split('\n').slice(-3).join(' ') || `it ended with ${result.code}`;
    return bridgeError('SLURM_UNAVAILABLE', { command, cluster: this.#transport.name, reason });
  }

  #unreadable(command: string, answer: string): Error {
    const text = answer.trim().slice(0, 300) || '(nothing)';
    return bridgeError('SLURM_ANSWER_UNREADABLE', { command, cluster: this.#transport.name, answer: text });
  }
}

/** An outage of one command leaves room for the other; anything else is thrown on. */
function onlyUnavailable(error: unknown): Error {
  if (error instanceof Error && 'code' in error && error.code === 'SLURM_UNAVAILABLE') return error;
  throw error;
}

function firstNamed(text: string, name: string): number | null {
  const ids = text.split('\n').flatMap((line) => {
    const bar = line.indexOf('|');
    const id = /^\d+/.exec(line)?.[0];
    return id !== undefined && line.slice(bar + 1) === name ? [Number(id)] : [];
  });
  return ids.length ? Math.min(...ids) : null;
}

function isUnavailable(stderr: string): boolean {
  return /unable to contact|connection refused|connect failure|timed out|temporarily (unable|unavailable)|zero bytes were transmitted|try again/i.test(
    stderr,
  );
}

function isDisabled(stderr: string): boolean {
  return /accounting storage is disabled/i.test(stderr);
}

function idText(jobId: number): string {
  if (!Number.isSafeInteger(jobId) || jobId <= 0) throw new TypeError(`${jobId} is not the id of a job`);
  return String(jobId);
}
