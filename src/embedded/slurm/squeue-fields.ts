import { elapsed, hasEnded, nodeName, type Job } from './job.ts';
import { stateWords } from './selection.ts';
import { formatDuration } from './times.ts';

/** One line of the queue: a job, or the tasks of an array that still wait, together. */
export interface QueueRow {
  job: Job;
  /** `7`, `9_2`, `9_[3-5%2]`. */
  idText: string;
  taskText: string;
}

type Value = (row: QueueRow, time: (seconds: number) => string) => string;

/** The word that the queue uses: it also tells of jobs that are being ended. */
export function queueState(job: Job): string {
  return job.word === 'RUNNING' && job.ending ? 'COMPLETING' : job.word;
}

const reason: Value = ({ job }) => (job.word === 'FAILED' ? 'NonZeroExitCode' : job.reason);
const nodes: Value = ({ job }) => (job.started === null ? '' : nodeName);
const nodesOrReason: Value = (row, time) =>
  row.job.word === 'RUNNING' || row.job.word === 'COMPLETED' ? nodes(row, time) : `(${reason(row, time)})`;
const start: Value = ({ job }, time) =>
  job.started !== null ? time(job.started) : job.ended !== null ? time(job.ended) : 'N/A';
/** Of a running job: when its time is up. */
const end: Value = ({ job }, time) => {
  if (job.ended !== null) return time(job.ended);
  if (job.started === null) return 'N/A';
  return job.timeLimitMinutes === null ? 'NONE' : time(job.started + job.timeLimitMinutes * 60);
};
const limit: Value = ({ job }) =>
  job.timeLimitMinutes === null ? 'UNLIMITED' : formatDuration(job.timeLimitMinutes * 60, 'short');
const timeLeft: Value = ({ job }) =>
  job.timeLimitMinutes === null
    ? 'UNLIMITED'
    : formatDuration(Math.max(0, job.timeLimitMinutes * 60 - elapsed(job)), 'short');
const used: Value = ({ job }) => formatDuration(elapsed(job), 'short');
const arrayId: Value = ({ job }) => String(job.array?.id ?? job.id);

/** By letter of `-o` with its heading, and by name of `-O`, whose heading is the name in capitals. */
export const queueFields: readonly { letter: string; names: string; heading: string; value: Value }[] = [
  { letter: 'i', names: 'JobArrayID', heading: 'JOBID', value: (r) => r.idText },
  { letter: 'A', names: 'JobID', heading: 'JOBID', value: (r) => String(r.job.id) },
  { letter: 'F', names: 'ArrayJobID', heading: 'ARRAY_JOB_ID', value: arrayId },
  { letter: 'K', names: 'ArrayTaskID', heading: 'ARRAY_TASK_ID', value: (r) => r.taskText },
  { letter: 'j', names: 'Name', heading: 'NAME', value: (r) => r.job.name },
  { letter: 'T', names: 'State', heading: 'STATE', value: (r) => queueState(r.job) },
  { letter: 't', names: 'StateCompact', heading: 'ST', value: (r) => stateWords[queueState(r.job)] ?? '' },
  { letter: 'r', names: 'Reason', heading: 'REASON', value: reason },
  { letter: 'R', names: 'ReasonList', heading: 'NODELIST(REASON)', value: nodesOrReason },
  { letter: 'N', names: 'NodeList', heading: 'NODELIST', value: nodes },
  { letter: 'S', names: 'StartTime', heading: 'START_TIME', value: start },
  { letter: 'e', names: 'EndTime', heading: 'END_TIME', value: end },
  { letter: 'V', names: 'SubmitTime', heading: 'SUBMIT_TIME', value: ({ job }, time) => time(job.submitted) },
  { letter: 'M', names: 'TimeUsed', heading: 'TIME', value: used },
  { letter: 'l', names: 'TimeLimit', heading: 'TIME_LIMIT', value: limit },
  { letter: 'L', names: 'TimeLeft', heading: 'TIME_LEFT', value: timeLeft },
  { letter: 'u', names: 'UserName', heading: 'USER', value: (r) => r.job.user },
  { letter: 'U', names: 'UserID', heading: 'UID', value: (r) => String(r.job.uid) },
  { letter: 'a', names: 'Account', heading: 'ACCOUNT', value: (r) => r.job.account },
  { letter: 'P', names: 'Partition', heading: 'PARTITION', value: (r) => r.job.partition },
  { letter: 'q', names: 'QOS', heading: 'QOS', value: () => 'normal' },
  { letter: 'Q', names: 'PriorityLong', heading: 'PRIORITY', value: (r) => String(4294901760 - r.job.id) },
  { letter: 'D', names: 'NumNodes', heading: 'NODES', value: () => '1' },
  { letter: 'C', names: 'NumCPUs', heading: 'CPUS', value: (r) => String(r.job.cpus) },
  { letter: 'k', names: 'Comment', heading: 'COMMENT', value: (r) => r.job.comment || '(null)' },
  { letter: 'o', names: 'Command', heading: 'COMMAND', value: (r) => r.job.command ?? '(null)' },
  { letter: 'Z', names: 'WorkDir', heading: 'WORK_DIR', value: (r) => r.job.workDir },
  { letter: '', names: 'STDOUT', heading: 'STDOUT', value: (r) => r.job.stdout },
  { letter: '', names: 'STDERR', heading: 'STDERR', value: (r) => r.job.stderr },
  {
    letter: '',
    names: 'exit_code',
    heading: 'EXIT_CODE',
    value: (r) => (hasEnded(r.job) ? String(r.job.exitCode) : '0'),
  },
];
