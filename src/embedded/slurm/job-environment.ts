import { markVariable } from './job-folder.ts';
import { clusterName, nodeName, type Job } from './job.ts';

/** The environment of a job: what was submitted with it, and what Slurm tells every job about itself. */
export function jobEnvironment(job: Job, submitted: Record<string, string>, mark: string): Record<string, string> {
  const cpus = String(job.cpus);
  const env: Record<string, string> = {
    ...submitted,
    ENVIRONMENT: 'BATCH',
    SLURM_CLUSTER_NAME: clusterName,
    SLURM_CPUS_ON_NODE: cpus,
    SLURM_JOBID: String(job.id),
    SLURM_JOB_ACCOUNT: job.account,
    SLURM_JOB_CPUS_PER_NODE: cpus,
    SLURM_JOB_GID: String(job.gid),
    SLURM_JOB_ID: String(job.id),
    SLURM_JOB_NAME: job.name,
    SLURM_JOB_NODELIST: nodeName,
    SLURM_JOB_NUM_NODES: '1',
    SLURM_JOB_PARTITION: job.partition,
    SLURM_JOB_UID: String(job.uid),
    SLURM_JOB_USER: job.user,
    SLURM_LOCALID: '0',
    SLURM_NNODES: '1',
    SLURM_NODEID: '0',
    SLURM_NODELIST: nodeName,
    SLURM_PROCID: '0',
    SLURM_SUBMIT_DIR: job.workDir,
    SLURM_SUBMIT_HOST: nodeName,
    SLURM_TASKS_PER_NODE: '1',
    SLURMD_NODENAME: nodeName,
    [markVariable]: mark,
  };
  if (job.cpus > 1) env['SLURM_CPUS_PER_TASK'] = cpus;
  if (job.restarts > 0) env['SLURM_RESTART_COUNT'] = String(job.restarts);
  if (job.array) {
    env['SLURM_ARRAY_JOB_ID'] = String(job.array.id);
    env['SLURM_ARRAY_TASK_ID'] = String(job.array.task);
  }
  return env;
}
