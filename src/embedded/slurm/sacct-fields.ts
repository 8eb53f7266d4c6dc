import { elapsed, hasEnded, jobIdText, nodeName, clusterName, type Job } from './job.ts';
import { formatDuration } from './times.ts';

/** One row of accounting: the job as a whole, or its batch step. */
export interface AccountingRow {
  job: Job;
  isStep: boolean;
}

export interface Field {
  name: string;
  width: number;
  left?: boolean;
  value(row: AccountingRow, time: (seconds: number) => string): string;
}

const field = (name: string, width: number, value: Field['value']): Field => ({ name, width, value });
const left = (name: string, width: number, value: Field['value']): Field => ({ name, width, value, left: true });

/** The state as accounting tells it. */
export function accountingState(row: AccountingRow): string {
  const { job } = row;
  if (row.isStep && job.word === 'TIMEOUT') return 'CANCELLED';
  if (row.isStep || job.word !== 'CANCELLED' || job.cancelledBy === null) return job.word;
  return `CANCELLED by ${job.cancelledBy}`;
}

function exitCode({ job, isStep }: AccountingRow): string {
  if (isStep && (job.word === 'TIMEOUT' || job.word === 'CANCELLED')) return '0:15';
  return `${job.exitCode}:${job.exitSignal}`;
}

function start({ job }: AccountingRow, time: (seconds: number) => string): string {
  return job.started !== null ? time(job.started) : hasEnded(job) ? 'None' : 'Unknown';
}

function timeLimit(job: Job): string {
  return job.timeLimitMinutes === null ? 'UNLIMITED' : formatDuration(job.timeLimitMinutes * 60);
}

const cpus = (row: AccountingRow): string => String(row.job.cpus);
const ofJob =
  (value: (job: Job) => string): Field['value'] =>
  ({ job, isStep }) =>
    isStep ? '' : value(job);

/** Fields that have a value here, with the widths of Slurm's table. */
const known: readonly Field[] = [
  left('JobID', 12, ({ job, isStep }) => `${jobIdText(job)}${isStep ? '.batch' : ''}`),
  left('JobIDRaw', 12, ({ job, isStep }) => `${job.id}${isStep ? '.batch' : ''}`),
  field('JobName', 10, ({ job, isStep }) => (isStep ? 'batch' : job.name.replaceAll('"', '`'))),
  field('State', 10, accountingState),
  field('ExitCode', 8, exitCode),
  field(
    'DerivedExitCode',
    15,
    ofJob(() => '0:0'),
  ),
  field(
    'Reason',
    22,
    ofJob((job) => (job.held ? 'JobHeldUser' : 'None')),
  ),
  field('NodeList', 15, ({ job }) => (job.started === null ? 'None assigned' : nodeName)),
  field('Start', 19, start),
  field('End', 19, ({ job }, time) => (job.ended === null ? 'Unknown' : time(job.ended))),
  field('Submit', 19, ({ job }, time) => time(job.submitted)),
  field('Eligible', 19, ({ job }, time) => (job.held ? 'Unknown' : time(job.submitted))),
  field('Elapsed', 10, ({ job }) => formatDuration(elapsed(job))),
  field('ElapsedRaw', 10, ({ job }) => String(elapsed(job))),
  field('CPUTime', 10, ({ job }) => formatDuration(elapsed(job) * job.cpus)),
  field('CPUTimeRAW', 10, ({ job }) => String(elapsed(job) * job.cpus)),
  field('Timelimit', 10, ofJob(timeLimit)),
  field(
    'TimelimitRaw',
    10,
    ofJob((job) => (job.timeLimitMinutes === null ? 'UNLIMITED' : String(job.timeLimitMinutes))),
  ),
  field(
    'Partition',
    10,
    ofJob((job) => job.partition),
  ),
  field('Account', 10, ({ job }) => job.account),
  field(
    'User',
    9,
    ofJob((job) => job.user),
  ),
  field(
    'UID',
    6,
    ofJob((job) => String(job.uid)),
  ),
  field(
    'GID',
    6,
    ofJob((job) => String(job.gid)),
  ),
  field('AllocCPUS', 10, cpus),
  field('NCPUS', 10, cpus),
  field('ReqCPUS', 8, cpus),
  field('NNodes', 8, () => '1'),
  field('AllocNodes', 10, () => '1'),
  field(
    'QOS',
    10,
    ofJob(() => 'normal'),
  ),
  field('Cluster', 10, () => clusterName),
  field(
    'Comment',
    14,
    ofJob((job) => job.comment),
  ),
  field(
    'WorkDir',
    20,
    ofJob((job) => job.workDir),
  ),
  field(
    'SubmitLine',
    20,
    ofJob((job) => job.submitLine),
  ),
  field(
    'Priority',
    10,
    ofJob((job) => String(4294901760 - job.id)),
  ),
];

/** Fields of Slurm's that measure what is not measured here: they are there, and empty. */
const empty =
  `AdminComment AllocTRES AssocID AveCPU AveCPUFreq AveDiskRead AveDiskWrite AvePages AveRSS AveVMSize BlockID
  Constraints ConsumedEnergy ConsumedEnergyRaw Container DBIndex Flags Group Layout MaxDiskRead MaxDiskReadNode
  MaxDiskReadTask MaxDiskWrite MaxDiskWriteNode MaxDiskWriteTask MaxPages MaxPagesNode MaxPagesTask MaxRSS MaxRSSNode
  MaxRSSTask MaxVMSize MaxVMSizeNode MaxVMSizeTask McsLabel MinCPU MinCPUNode MinCPUTask NTasks QOSRAW ReqCPUFreq ReqMem
  ReqNodes ReqTRES Reservation ReservationId Reserved ResvCPU ResvCPURAW Suspended SystemComment SystemCPU TotalCPU
  UserCPU WCKey WCKeyID`
    .split(/\s+/)
    .map((name) => field(name, 10, () => ''));

/** Looks a field up as Slurm does: any case, and a beginning is enough. */
export function findField(name: string): Field | undefined {
  const wanted = name.toLowerCase();
  const all = [...known, ...empty];
  return (
    all.find((f) => f.name.toLowerCase() === wanted) ??
    (wanted ? all.find((f) => f.name.toLowerCase().startsWith(wanted)) : undefined)
  );
}
