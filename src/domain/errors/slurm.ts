import { defineErrors } from './define.ts';

export const slurmErrors = defineErrors({
  // Everything about reaching the cluster is retryable: a job that runs there is not harmed by it, and no run may be
  // reported failed because of it.
  CLUSTER_UNREACHABLE: {
    message: 'The cluster {cluster} does not answer: {reason}',
    remedy: 'Nothing is lost: jobs go on and it is tried again. If this lasts, check the network and `ssh {cluster}`.',
    who: 'admin',
    retryable: true,
    status: 503,
  },
  CLUSTER_HOST_KEY_REFUSED: {
    message: 'The host key of {cluster} is not the known one, or is not known at all: {reason}',
    remedy: 'Compare the key with the one your site publishes; then enter it in the known_hosts file of this account.',
    who: 'admin',
    retryable: true,
    status: 503,
  },
  CLUSTER_SIGN_IN_REFUSED: {
    message: 'The cluster {cluster} refuses our key: {reason}',
    remedy:
      'Check that the public key of this account is entered at the cluster and that `ssh {cluster}` works unasked.',
    who: 'admin',
    retryable: true,
    status: 503,
  },
  CLUSTER_FILE_UNWRITABLE: {
    message: 'The file {path} cannot be written on {cluster}: {reason}',
    remedy: 'Check the rights, the quota and the free space of that folder for the cluster account.',
    who: 'admin',
    retryable: true,
    status: 503,
  },
  SLURM_UNAVAILABLE: {
    message: 'Slurm on {cluster} cannot be asked ({command}): {reason}',
    remedy: 'Nothing is lost: jobs go on and it is asked again. If this lasts, ask the cluster whether Slurm is up.',
    who: 'it',
    retryable: true,
    status: 503,
  },
  SLURM_COMMAND_MISSING: {
    message: 'There is no command {command} on {cluster}.',
    remedy: 'Make the commands of Slurm available to non-interactive logins of this account (PATH), then try again.',
    who: 'admin',
    retryable: false,
    status: 500,
  },
  SLURM_ANSWER_UNREADABLE: {
    message: 'The answer of {command} on {cluster} is not of the known form: {answer}',
    remedy: 'Send this text and the version of Slurm (`sbatch --version`) to the developers.',
    who: 'developer',
    retryable: true,
    status: 502,
  },
  JOB_REFUSED: {
    message: 'Slurm on {cluster} refuses the job: {reason}',
    remedy: 'Check the job script and the sbatch options of this workflow in slurm-config.ini.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  JOB_OPTION_REFUSED: {
    message: 'The sbatch option {option} cannot be used for a job: {reason}.',
    remedy: 'Remove or correct it in slurm-config.ini ([SLURM] sbatch_… or <workflow>_job_…).',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  JOB_VARIABLE_REFUSED: {
    message: 'A job cannot be given the variable {name}: {reason}.',
    remedy: "Rename the parameter in the workflow's descriptor.",
    who: 'admin',
    retryable: false,
    status: 400,
  },
  JOB_NAME_REFUSED: {
    message: 'A job cannot be named {name}: {reason}.',
    remedy: 'Rename the workflow in slurm-config.ini.',
    who: 'admin',
    retryable: false,
    status: 400,
  },
  JOB_LOG_UNREADABLE: {
    message: 'The log of job {job}, {path}, cannot be read: {reason}',
    remedy: 'Check the rights of the file, and that the home of the cluster account can be reached.',
    who: 'admin',
    retryable: true,
    status: 503,
  },
});
