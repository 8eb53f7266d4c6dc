/**
 * Runs one job: `job-main FOLDER`. Lives beside the daemon, so that a job survives it; leaves `result.json`, from which
 * the daemon, or the one after it, learns how the job ended.
 */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { now, type JobResult, type JobSpec } from './job.ts';

const folder = process.argv[2] ?? '';
const spec = JSON.parse(readFileSync(join(folder, 'spec.json'), 'utf8')) as JobSpec;
// Signals reach the whole group; the runner stays to tell how the job took them.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

let output: number;
try {
  output = openSync(spec.output, 'a', 0o644);
} catch {
  // What Slurm makes of an output file that cannot be opened: no log, and this very exit code.
  leave({ state: 'FAILED', exitCode: 0, exitSignal: 53, ended: now() });
  process.exit(0);
}
let timedOut = false;
const job = spawn(spec.script, [], { cwd: spec.workDir, env: spec.env, stdio: ['ignore', output, output] });
const timer =
  spec.timeLimitSeconds === null
    ? null
    : setTimeout(() => {
        timedOut = true;
        job.kill('SIGTERM');
        setTimeout(() => job.kill('SIGKILL'), 2_000);
      }, spec.timeLimitSeconds * 1000);
job.on('error', () => leave({ state: 'FAILED', exitCode: 1, exitSignal: 0, ended: now() }));
job.on('exit', (code, signal) => {
  if (timer) clearTimeout(timer);
  if (timedOut) leave({ state: 'TIMEOUT', exitCode: 0, exitSignal: 0, ended: now() });
  else if (signal) leave({ state: 'FAILED', exitCode: 0, exitSignal: constants.signals[signal], ended: now() });
  else leave({ state: code === 0 ? 'COMPLETED' : 'FAILED', exitCode: code ?? 1, exitSignal: 0, ended: now() });
  process.exit(0);
});

function leave(result: JobResult): void {
  const path = join(folder, 'result.json');
  const file = openSync(`${path}.new`, 'w', 0o644);
  writeSync(file, JSON.stringify(result));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}
