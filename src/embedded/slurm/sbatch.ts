import { basename } from 'node:path';
import { ok, refuse, type Answer, type Call } from './answer.ts';
import { now } from './job.ts';
import { parseOptions, parseTimeLimit } from './options.ts';
import { sbatchOptions } from './sbatch-options.ts';
import type { Scheduler } from './scheduler.ts';

/** `sbatch [options] SCRIPT`: options of the command line win over `#SBATCH` lines. */
export function sbatch(call: Call, scheduler: Scheduler): Answer {
  const given = parseOptions(call.argv, sbatchOptions);
  if (given.unknown) return refuse(`sbatch: unrecognized option '${given.unknown}'\nTry "sbatch --help" for more information`);
  if (call.scriptError !== undefined) return refuse(`sbatch: error: ${call.scriptError}`);
  const script = call.script ?? '';
  if (!script.startsWith('#!'))
    return refuse(
      'sbatch: error: This does not look like a batch script.  The first\nsbatch: error: line must start with #! followed by the path to an interpreter.\nsbatch: error: For instance: #!/bin/sh',
    );
  if (/^[^\n]*\r\n/.test(script))
    return refuse('sbatch: error: Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n).');
  const written = parseOptions(scriptOptions(script), sbatchOptions);
  if (written.unknown) return refuse(`sbatch: unrecognized option '${written.unknown}'`);
  const option = (name: string): string | undefined => given.values.get(name) ?? written.values.get(name);

  const time = option('time');
  const timeLimitMinutes = time === undefined ? null : parseTimeLimit(time);
  if (time !== undefined && timeLimitMinutes === null) return refuse('sbatch: error: Invalid --time specification');
  const cpus = Number(option('cpus-per-task') ?? 1) * Number(option('ntasks') ?? 1);
  if (!Number.isInteger(cpus) || cpus < 1) return refuse('sbatch: error: Invalid numeric value for --cpus-per-task');
  if (cpus > scheduler.cpus)
    return refuse('sbatch: error: Batch job submission failed: Requested node configuration is not available');

  const scriptName = given.rest[0];
  const job = scheduler.submit(
    {
      name: option('job-name') ?? (scriptName === undefined ? 'sbatch' : basename(scriptName)),
      state: 'PENDING',
      cancelledBy: null,
      reason: 'None',
      exitCode: 0,
      exitSignal: 0,
      workDir: option('chdir') ?? call.cwd,
      output: option('output') ?? 'slurm-%j.out',
      command: scriptName ?? '',
      comment: option('comment') ?? '',
      env: call.env,
      uid: call.uid,
      userName: call.userName,
      cpus,
      timeLimitMinutes,
      submitted: now(),
      started: null,
      ended: null,
      restarts: 0,
      runner: null,
    },
    script,
  );
  return ok(given.switches.has('parsable') ? `${job.id}\n` : `Submitted batch job ${job.id}\n`);
}

/** Options on `#SBATCH` lines, up to the first line that is neither comment nor empty. */
function scriptOptions(script: string): string[] {
  const options: string[] = [];
  for (const line of script.split('\n').slice(1)) {
    if (line.trim() !== '' && !line.startsWith('#')) break;
    const text = /^#SBATCH\s+(.*)$/.exec(line)?.[1];
    if (text === undefined) continue;
    for (const word of text.replace(/\s#.*$/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g))
      options.push(word[1] ?? word[2] ?? word[3]?.replace(/=["'](.*)["']$/, '=$1') ?? '');
  }
  return options;
}
