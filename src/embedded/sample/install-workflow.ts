import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownProgram, packageFile } from '../../lib/package-root.ts';
import { quoteForShell } from '../../slurm/quote.ts';

const placeholder = '@NUCLEI_PROGRAM@';

/**
 * Writes the sample workflow's job script into the home of the cluster's account, as `slurm-scripts/jobs/nuclei.sh`. It
 * names this very installation of the program, so it is written anew at every start.
 */
export async function installNucleiWorkflow(clusterHome: string): Promise<void> {
  const template = await readFile(packageFile('workflows', 'nuclei', 'job.sh'), 'utf8');
  const folder = join(clusterHome, 'slurm-scripts', 'jobs');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'nuclei.sh');
  await writeFile(`${path}.new`, fillIn(template, ownProgram('workflows/nuclei/main')), { mode: 0o755 });
  await rename(`${path}.new`, path);
}

/** The job script that starts this argument list; every word arrives as it is, whatever characters it holds. */
export function fillIn(template: string, program: readonly string[]): string {
  const lines = template.split('\n');
  const at = lines.findIndex((line) => !line.startsWith('#') && line.includes(placeholder));
  if (at < 0) throw new Error(`the job script has no ${placeholder}`);
  lines[at] = lines[at]!.replace(placeholder, () => quoteForShell(program));
  return lines.join('\n');
}
