/** What a command was called with, as its program sends it to the daemon. */
export interface Call {
  command: string;
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  uid: number;
  userName: string;
  /** Text of the script that sbatch was given, or of its standard input. */
  script?: string;
  scriptError?: string;
}

export interface Answer {
  stdout: string;
  stderr: string;
  code: number;
}

export function ok(stdout = ''): Answer {
  return { stdout, stderr: '', code: 0 };
}

export function refuse(stderr: string, code = 1): Answer {
  return { stdout: '', stderr: `${stderr}\n`, code };
}

/** Seconds since 1970 in the form that SLURM_TIME_FORMAT asks for: `%s`, else local ISO time. */
export function timeText(seconds: number | null, env: Readonly<Record<string, string>>, missing: string): string {
  if (seconds === null) return missing;
  if (env['SLURM_TIME_FORMAT'] === '%s') return String(seconds);
  const d = new Date(seconds * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** `1-02:03:04` or `02:03:04`. */
export function elapsedText(seconds: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${two(Math.floor((seconds % 86400) / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return seconds >= 86400 ? `${Math.floor(seconds / 86400)}-${clock}` : clock;
}
