import { stateWord } from './job-states.ts';

/** One job, or one task of a job array, as `squeue` or `sacct` tell it. */
export interface JobRow {
  /** The id it was submitted under: for a task of an array, the array's. */
  jobId: number;
  /** Its own id: for a task of an array another number. Null for tasks that have none yet. */
  ownId: number | null;
  isArrayTask: boolean;
  word: string;
  exit: string | null;
  reason: string | null;
  node: string | null;
  startedAt: Date | null;
  endedAt: Date | null;
}

/** Reason comes last: it is the only field whose text sites may write. */
export const squeueFormat = '%A|%F|%K|%T|%N|%S|%e|%r';
export const sacctFields = 'JobID,JobIDRaw,State,ExitCode,NodeList,Start,End,Reason';

/** Rows of `squeue -h -t all -o squeueFormat` with SLURM_TIME_FORMAT=%s. */
export function parseSqueue(text: string): JobRow[] {
  return rows(text, 8).flatMap(
    ([own = '', array = '', task = '', state = '', node = '', start = '', end = '', reason = '']) => {
      if (!/^\d+$/.test(own) || !/^\d+$/.test(array)) return [];
      const row: JobRow = {
        jobId: Number(array),
        ownId: Number(own),
        isArrayTask: task !== 'N/A' && task !== '',
        word: stateWord(state),
        exit: null,
        reason: textOrNull(reason),
        node: textOrNull(node),
        startedAt: epoch(start),
        endedAt: epoch(end),
      };
      return [row];
    },
  );
}

/** Rows of `sacct -n -P -X -o sacctFields` with SLURM_TIME_FORMAT=%s. */
export function parseSacct(text: string): JobRow[] {
  return rows(text, 8).flatMap(
    ([id = '', raw = '', state = '', exit = '', node = '', start = '', end = '', reason = '']) => {
      const match = /^(\d+)(_.+|\+\d+)?$/.exec(id);
      if (!match) return [];
      const row: JobRow = {
        jobId: Number(match[1]),
        ownId: /^\d+$/.test(raw) ? Number(raw) : null,
        isArrayTask: match[2]?.startsWith('_') ?? false,
        word: stateWord(state),
        exit: textOrNull(exit),
        reason: textOrNull(reason),
        node: textOrNull(node),
        startedAt: epoch(start),
        endedAt: epoch(end),
      };
      return [row];
    },
  );
}

/** The rows that are this job's: submitted under the id, or the one array task whose own id it is. */
export function rowsOf(jobId: number, all: readonly JobRow[]): JobRow[] {
  const submitted = all.filter((row) => row.jobId === jobId);
  return submitted.length ? submitted : all.filter((row) => row.ownId === jobId);
}

/** Splits lines at `|`, the last of `fields` taking the rest of the line. */
function rows(text: string, fields: number): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const parts = line.split('|');
      return [...parts.slice(0, fields - 1), parts.slice(fields - 1).join('|')];
    });
}

function textOrNull(text: string): string | null {
  const trimmed = text.trim();
  return ['', 'None', '(null)', 'None assigned', 'N/A', 'Unknown'].includes(trimmed) ? null : trimmed;
}

function epoch(text: string): Date | null {
  return /^\d+$/.test(text) && text !== '0' ? new Date(Number(text) * 1000) : null;
}
