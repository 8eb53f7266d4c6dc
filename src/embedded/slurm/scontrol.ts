import type { Cluster } from './cluster.ts';
import { clusterName, elapsed, nodeName, type Job } from './job.ts';
import { answer, refuse, type Answer, type Call } from './protocol.ts';
import { isMatch, parseJobIds } from './selection.ts';
import { queueState } from './squeue-fields.ts';
import { formatDuration, formatTime } from './times.ts';

/** `scontrol show job [ID]`, `scontrol show config`, `scontrol ping`. */
export function scontrol(call: Call, cluster: Cluster): Answer {
  const oneLine = call.argv.some((word) => word === '-o' || word === '--oneliner');
  const [verb, what = '', id] = call.argv.filter((word) => !word.startsWith('-'));
  if (verb === 'ping') return answer(`Slurmctld(primary) at ${nodeName} is UP\n`);
  if (verb !== 'show') return refuse(`invalid keyword: ${verb ?? ''}`);
  if (what.startsWith('config'))
    return answer(`ClusterName             = ${clusterName}\nSLURM_VERSION           = embedded\n`);
  if (!/^jobs?(id)?$/i.test(what)) return refuse(`invalid entity:${what} for keyword:show `);
  const ids = id === undefined ? [] : parseJobIds([id]);
  if (typeof ids === 'string') return refuse('scontrol_print_job error: Invalid job id specified');
  const jobs = cluster.jobs().filter((job) => ids.length === 0 || ids.some((wanted) => isMatch(job, wanted)));
  if (jobs.length === 0) {
    return id === undefined
      ? answer('No jobs in the system\n')
      : refuse('slurm_load_jobs error: Invalid job id specified');
  }
  return answer(jobs.map((job) => show(job, oneLine)).join(''));
}

function show(job: Job, oneLine: boolean): string {
  const minutes = job.timeLimitMinutes;
  const limit = minutes === null ? 'UNLIMITED' : formatDuration(minutes * 60);
  const start = job.started === null ? 'Unknown' : formatTime(job.started);
  const expectedEnd = job.started === null || minutes === null ? 'Unknown' : formatTime(job.started + minutes * 60);
  const reason = job.word === 'FAILED' ? 'NonZeroExitCode' : job.reason;
  const exit = job.word === 'CANCELLED' && job.started !== null ? '0:15' : `${job.exitCode}:${job.exitSignal}`;
  const array = job.array ? ` ArrayJobId=${job.array.id} ArrayTaskId=${job.array.task}` : '';
  const none = '(null)';
  const command = job.command === null ? none : [job.command, ...job.args].join(' ');
  const lines = [
    `JobId=${job.id}${array} JobName=${job.name}`,
    `UserId=${job.user}(${job.uid}) GroupId=${job.gid}(${job.gid}) MCS_label=N/A`,
    `Priority=${4294901760 - job.id} Nice=0 Account=${job.account} QOS=normal`,
    `JobState=${queueState(job)} Reason=${reason} Dependency=${none}`,
    `Requeue=1 Restarts=${job.restarts} BatchFlag=1 Reboot=0 ExitCode=${exit}`,
    `RunTime=${formatDuration(elapsed(job))} TimeLimit=${limit} TimeMin=N/A`,
    `SubmitTime=${formatTime(job.submitted)} EligibleTime=${job.held ? 'Unknown' : formatTime(job.submitted)}`,
    `AccrueTime=${job.held ? 'Unknown' : formatTime(job.submitted)}`,
    `StartTime=${start} EndTime=${job.ended === null ? expectedEnd : formatTime(job.ended)} Deadline=N/A`,
    `SuspendTime=None SecsPreSuspend=0 LastSchedEval=${start} Scheduler=Main`,
    `Partition=${job.partition} AllocNode:Sid=${nodeName}:0`,
    `ReqNodeList=${none} ExcNodeList=${none}`,
    `NodeList=${job.started === null ? '' : nodeName}`,
    ...(job.started === null ? [] : [`BatchHost=${nodeName}`]),
    `NumNodes=1 NumCPUs=${job.cpus} NumTasks=1 CPUs/Task=${job.cpus} ReqB:S:C:T=0:0:*:*`,
    `TRES=cpu=${job.cpus},node=1,billing=${job.cpus}`,
    `Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*`,
    `MinCPUsNode=${job.cpus} MinMemoryNode=0 MinTmpDiskNode=0`,
    `Features=${none} DelayBoot=00:00:00`,
    `OverSubscribe=OK Contiguous=0 Licenses=${none} Network=${none}`,
    `Command=${command}`,
    `WorkDir=${job.workDir}`,
    ...(job.comment ? [`Comment=${job.comment}`] : []),
    `StdErr=${job.stderr}`,
    'StdIn=/dev/null',
    `StdOut=${job.stdout}`,
    'Power=',
  ];
  return oneLine ? `${lines.join(' ')} \n` : `${lines.join('\n   ')}\n   \n\n`;
}
