/** Variables of a job that are not a parameter's to set: they decide what runs, not how. */
const reserved =
  /^(PATH|HOME|IFS|ENV|BASH_ENV|SHELL|SHELLOPTS|BASHOPTS|USER|LOGNAME|TMPDIR|NODE_OPTIONS|DATA_PATH|IMAGE_PATH|IMAGE_VERSION|SINGULARITY_IMAGE|SCRIPT_PATH|GPU_FLAG|DO_CONVERT|CONFIG_(PATH|FILE)|CONVERSION_(PATH|PARTITION)|CONVERTER_IMAGE|PYTHON(PATH|HOME|STARTUP)|PERL5(LIB|OPT)|(LD|DYLD|SLURM|SLURMD|SBATCH|SACCT|SQUEUE|SCANCEL|BASH_FUNC|APPTAINER|APPTAINERENV|SINGULARITY|SINGULARITYENV|BIOMERO_BRIDGE)_.*)$/;

/** Why a parameter of this id cannot be handed to a job, as the end of a sentence; null when it can. */
export function parameterNameProblem(id: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(id)) return 'is not made of letters, digits and underscores';
  if (reserved.test(id.toUpperCase())) return 'has a meaning of its own for the job';
  return null;
}
