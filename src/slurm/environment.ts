/**
 * What a command on the cluster inherits from us: enough to find programs, the account's home, its language and its
 * keys. Our own environment is not handed on whole, because it holds database URLs, and `sbatch --export=ALL` would
 * carry them into every job.
 */
const inherited =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|LC_[A-Z]+|SLURM_CONF|SSH_AUTH_SOCK|KRB5CCNAME|KRB5_CONFIG|XDG_RUNTIME_DIR)$/;

/** The part of our environment that commands get, with additions that win. */
export function commandEnvironment(own: NodeJS.ProcessEnv, added: Record<string, string> = {}): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) if (value !== undefined && inherited.test(name)) env[name] = value;
  return { ...env, ...added };
}
