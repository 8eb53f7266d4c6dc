import type { SlurmConfig } from '../config/config.ts';
import { bridgeError } from '../domain/errors.ts';
import { quoteWord } from './quote.ts';

export interface Submission {
  /** Unique job name: a second submission under it finds the first job. */
  name: string;
  /** Job script, relative to the configured script folder. */
  script: string;
  /** File pattern of the log, such as `omero-%j.log`. */
  output: string;
  /** The workflow's own options. */
  flags: Readonly<Record<string, string>>;
  /** The workflow uses a GPU: the options that the site has for such jobs are added. */
  useGpu?: boolean;
  /** The variables come in this file (absolute path on the cluster), whose path is the script's argument. */
  envFile?: string | null;
  env: Readonly<Record<string, string>>;
  /** A tiny job writes a line to this file (absolute path on the cluster) once the job has ended. */
  hintFile?: string | null;
}

/** Options that decide how we talk with Slurm or find the job again; not a site's to set. */
const ours = new Set(
  'parsable job-name output error export export-file wrap wait array test-only quiet chdir ignore-pbs help usage version'.split(
    ' ',
  ),
);
/** Options that take no value. */
const switches = new Set(
  'exclusive requeue no-requeue contiguous overcommit oversubscribe hold reboot spread-job use-min-nodes'.split(' '),
);
/** Variables that decide how the script itself is found, started and known; a parameter of that name would break it. */
const reserved =
  /^(PATH|HOME|IFS|ENV|BASH_ENV|SHELL|SHELLOPTS|BASHOPTS|USER|LOGNAME|TMPDIR|PYTHON(PATH|HOME|STARTUP)|PERL5(LIB|OPT)|NODE_OPTIONS|(LD|DYLD|SLURM|SLURMD|SBATCH|SACCT|SQUEUE|SCANCEL|BASH_FUNC)_.*)$/;

/** Linux takes no word above 128 KiB, and through ssh a command with all its variables is one word. */
const longestValue = 32 * 1024;

/** The argument list of `sbatch`. @throws JOB_OPTION_REFUSED, JOB_NAME_REFUSED, JOB_VARIABLE_REFUSED */
export function sbatchArguments(job: Submission, config: SlurmConfig): string[] {
  checkJobName(job.name);
  for (const [name, value] of Object.entries(job.env)) checkVariable(name, value);
  // BIOMERO's precedence: the workflow's own options, then those for GPUs, the default partition, the options for all.
  const flags: Record<string, string> = { ...config.sbatch };
  if (config.defaultPartition) flags['partition'] = config.defaultPartition;
  if (job.useGpu) Object.assign(flags, gpuFlags(config, job.flags));
  Object.assign(flags, job.flags);
  const folder = config.scriptPath.replace(/\/+$/, '');
  const script = folder === '' ? job.script : `${folder}/${job.script}`;
  return [
    'sbatch',
    '--parsable',
    `--job-name=${job.name}`,
    `--output=${job.output}`,
    '--export=ALL',
    ...Object.entries(flags).flatMap(([name, value]) => flag(name, value)),
    script.startsWith('-') ? `./${script}` : script,
    ...(job.envFile ? [job.envFile] : []),
  ];
}

/** A workflow that says itself what it wants of GPUs is not given the site's usual number on top. */
function gpuFlags(config: SlurmConfig, own: Readonly<Record<string, string>>): Record<string, string> {
  const { gpuPartition, gpuGres, gpus } = config.submission ?? { gpuPartition: null, gpuGres: null, gpus: null };
  const asks = ['gres', 'gpus', 'gpus-per-node', 'gpus-per-task'].some((name) => own[name]);
  return {
    ...(gpuPartition && { partition: gpuPartition }),
    ...(gpuGres && !asks && { gres: gpuGres }),
    ...(gpus && !asks && { gpus }),
  };
}

/** A job's variables as a file that its script reads with `.`; every value arrives byte for byte. */
export function environmentFile(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}=${quoteWord(value)}\n`)
    .join('');
}

function flag(name: string, value: string): string[] {
  const refuse = (reason: string): Error => bridgeError('JOB_OPTION_REFUSED', { option: name, reason });
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw refuse('it is not the long name of an option');
  if (ours.has(name)) throw refuse('it is set by this program');
  if (/[\0\n\r]/.test(value)) throw refuse('its value holds a line break');
  if (switches.has(name)) return /^(|1|yes|true|on)$/i.test(value) ? [`--${name}`] : [`--${name}=${value}`];
  // The sample configuration lists some options blank; sbatch refuses an option without its value.
  return value === '' ? [] : [`--${name}=${value}`];
}

/**
 * Names that a job can be found by: `squeue -n` and `sacct --name` take lists, accounting changes quotes, and on a name
 * with characters that its database does not know (an emoji, with 22.05) `sacct` fails and files the job nameless.
 *
 * @throws JOB_NAME_REFUSED
 */
export function checkJobName(name: string): void {
  const refuse = (reason: string): Error => bridgeError('JOB_NAME_REFUSED', { name: JSON.stringify(name), reason });
  if (name === '' || name.trim() !== name) throw refuse('it is empty or has spaces at an edge');
  if (!/^[\x20-\x7e]*$/.test(name)) throw refuse('it holds a character that is not printable ASCII');
  if (/[,"'`\\]/.test(name)) throw refuse('it holds a comma, a quote or a backslash');
  if (Buffer.byteLength(name) > 255) throw refuse('it is longer than 255 bytes');
}

function checkVariable(name: string, value: string): void {
  const refuse = (reason: string): Error => bridgeError('JOB_VARIABLE_REFUSED', { name: JSON.stringify(name), reason });
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw refuse('that is not the name of a variable');
  if (reserved.test(name)) throw refuse('the variable has a meaning of its own for the job');
  if (value.includes('\0')) throw refuse('its value holds NUL');
  if (Buffer.byteLength(value) > longestValue) throw refuse(`its value is longer than ${longestValue} bytes`);
}
