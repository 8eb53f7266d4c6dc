import { elapsedText, ok, refuse, timeText, type Answer, type Call } from './answer.ts';
import { exitText, now, type Job } from './job.ts';
import type { Scheduler } from './scheduler.ts';

/** `scontrol show job ID`. */
export function scontrol(call: Call, scheduler: Scheduler): Answer {
  const words = call.argv.filter((word) => !word.startsWith('-'));
  if (words[0] !== 'show' || words[1] !== 'job') return refuse(`invalid keyword: ${words[0] ?? ''}`);
  const job = scheduler.jobs().find((j) => j.id === Number(words[2]));
  if (!job) return refuse('slurm_load_jobs error: Invalid job id specified');
  return ok(describe(job, call.env));
}

function describe(job: Job, env: Record<string, string>): string {
  const limit = job.timeLimitMinutes === null ? 'UNLIMITED' : elapsedText(job.timeLimitMinutes * 60);
  const ran = job.started === null ? 0 : (job.ended ?? now()) - job.started;
  return [
    `JobId=${job.id} JobName=${job.name}`,
    `   UserId=${job.userName}(${job.uid}) GroupId=${job.userName}(${job.uid}) MCS_label=N/A`,
    '   Priority=1 Nice=0 Account=(null) QOS=normal',
    `   JobState=${job.state} Reason=${job.reason} Dependency=(null)`,
    `   Requeue=1 Restarts=${job.restarts} BatchFlag=1 Reboot=0 ExitCode=${exitText(job)}`,
    `   RunTime=${elapsedText(ran)} TimeLimit=${limit} TimeMin=N/A`,
    `   SubmitTime=${timeText(job.submitted, env, 'Unknown')} EligibleTime=${timeText(job.submitted, env, 'Unknown')}`,
    `   StartTime=${timeText(job.started, env, 'Unknown')} EndTime=${timeText(job.ended, env, 'Unknown')} Deadline=N/A`,
    `   Partition=main AllocNode:Sid=localhost:1`,
    `   NodeList=${job.started === null ? '(null)' : 'localhost'}`,
    `   NumNodes=1 NumCPUs=${job.cpus} NumTasks=1 CPUs/Task=${job.cpus} ReqB:S:C:T=0:0:*:*`,
    `   Command=${job.command}`,
    `   WorkDir=${job.workDir}`,
    `   StdErr=${job.output}`,
    '   StdIn=/dev/null',
    `   StdOut=${job.output}`,
    '',
    '',
  ].join('\n');
}
